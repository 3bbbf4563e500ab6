def _guard(memory_mb):
    # Rights that user code does not need are given up for good, before any of it is read. What the system offers is used.
    held = []
    for name, take in (("limits", _limits), ("files", _files), ("calls", _calls)):
        try:
            take(memory_mb)
            held.append(name)
        except Exception:
            pass
    return held


def _limits(memory_mb):
    # The interpreter and its libraries take address space of their own; the function's memory comes on top.
    import resource

    def least(kind, value):
        hard = resource.getrlimit(kind)[1]
        value = value if hard == resource.RLIM_INFINITY else min(value, hard)
        resource.setrlimit(kind, (value, value))

    used = 256 << 20
    try:
        with open("/proc/self/statm") as f:
            used = int(f.read().split()[0]) * resource.getpagesize() + (64 << 20)
    except OSError:
        pass
    least(resource.RLIMIT_CORE, 0)
    least(resource.RLIMIT_FSIZE, 512 << 20)
    least(resource.RLIMIT_NOFILE, 1024)
    least(resource.RLIMIT_CPU, 3600)
    least(resource.RLIMIT_AS, used + (memory_mb << 20))


def _libc():
    import ctypes

    libc = ctypes.CDLL(None, use_errno=True)
    libc.syscall.restype = ctypes.c_long
    libc.prctl.argtypes = [ctypes.c_int] + [ctypes.c_ulong] * 4
    if libc.prctl(38, 1, 0, 0, 0):  # PR_SET_NO_NEW_PRIVS
        raise OSError("no_new_privs")
    return ctypes, libc


def _files(_memory_mb):
    # Landlock (Linux 5.13): read the interpreter's own files, write in the folder of this environment, nothing else.
    if not sys.platform.startswith("linux"):
        raise OSError("not here")
    ctypes, libc = _libc()
    call = lambda *a: libc.syscall(*[ctypes.c_long(x) if isinstance(x, int) else x for x in a])
    version = call(444, None, 0, 1)
    if version < 1:
        raise OSError("no landlock")
    everything = (1 << 13) - 1
    everything |= (1 << 13) if version >= 2 else 0
    everything |= (1 << 14) if version >= 3 else 0
    attribute = (ctypes.c_uint64 * 1)(everything)
    ruleset = call(444, ctypes.byref(attribute), 8, 0)
    if ruleset < 0:
        raise OSError("no ruleset")

    def allow(path, access):
        try:
            fd = os.open(path, os.O_PATH | os.O_CLOEXEC)
        except OSError:
            return
        if not os.path.isdir(path):
            access &= 1 | 2 | 4 | (1 << 14 if version >= 3 else 0)
        rule = ctypes.create_string_buffer((access & everything).to_bytes(8, sys.byteorder) + fd.to_bytes(4, sys.byteorder), 12)
        call(445, ruleset, 1, ctypes.byref(rule), 0)
        os.close(fd)

    read = 1 | 4 | 8
    roots = {"/usr/lib", "/usr/lib64", "/lib", "/lib64", "/usr/share/zoneinfo", "/etc/localtime", "/etc/ld.so.cache"}
    roots |= {os.path.realpath(p) for p in [sys.prefix, sys.base_prefix] + sys.path if os.path.exists(p)} - {"/", "/usr"}
    for root in sorted(roots):
        allow(root, read)
    allow("/dev/null", read | 2)
    allow("/dev/urandom", read)
    allow(os.getcwd(), everything)
    if call(446, ruleset, 0):
        raise OSError("not restricted")
    os.close(ruleset)


def _calls(_memory_mb):
    # Seccomp: no network, no other programs and processes, no signals to others, no other process's memory.
    if not sys.platform.startswith("linux"):
        raise OSError("not here")
    import platform

    ctypes, libc = _libc()
    #       audit      clone denied: socket socketpair fork vfork execve execveat ptrace kill tkill tgkill io_uring_setup pidfd_open process_vm_writev
    known = {
        "x86_64": (0xC000003E, 56, (41, 53, 57, 58, 59, 322, 101, 62, 200, 234, 425, 434, 311, 310)),
        "aarch64": (0xC00000B7, 220, (198, 199, 221, 281, 117, 129, 130, 131, 425, 434, 271, 270)),
    }
    audit, clone, denied = known[platform.machine()]
    program = []
    step = lambda code, yes, no, value: program.append(code.to_bytes(2, "little") + bytes([yes, no]) + (value & 0xFFFFFFFF).to_bytes(4, "little"))
    refuse, allow, missing = 0x00050000 | 1, 0x7FFF0000, 0x00050000 | 38
    step(0x20, 0, 0, 4)  # load the architecture
    step(0x15, 1, 0, audit)
    step(0x06, 0, 0, refuse)
    step(0x20, 0, 0, 0)  # load the number
    step(0x35, 0, 1, 0x40000000)  # x32
    step(0x06, 0, 0, refuse)
    step(0x15, 0, 1, 435)  # clone3: the C library then uses clone
    step(0x06, 0, 0, missing)
    for number in denied:
        step(0x15, 0, 1, number)
        step(0x06, 0, 0, refuse)
    step(0x15, 0, 3, clone)
    step(0x20, 0, 0, 16)  # its flags
    step(0x45, 1, 0, 0x00010000)  # CLONE_THREAD
    step(0x06, 0, 0, refuse)
    step(0x06, 0, 0, allow)
    code = ctypes.create_string_buffer(b"".join(program))

    class Program(ctypes.Structure):
        _fields_ = [("length", ctypes.c_ushort), ("filter", ctypes.c_void_p)]

    whole = Program(len(program), ctypes.addressof(code))
    if libc.prctl(22, 2, ctypes.addressof(whole), 0, 0):  # PR_SET_SECCOMP, SECCOMP_MODE_FILTER
        raise OSError("no seccomp")
