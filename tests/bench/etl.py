#!/usr/bin/env python3
"""The ETL job of the batch lake beside other programs: whole processes on the same file, CPU seconds and memory, as ratios.

    python3 tests/bench/etl.py [--weir target/release/weir] [--rows 2000000] [--repeat 3]

Each program reads JSON lines, keeps amount > 0, renames user_id, adds a fee, writes snappy Parquet partitioned by year and
month, and groups what it wrote by category. DuckDB and PySpark run where `import duckdb` and `import pyspark` work; the
others are left out with a note. The counts that they print must agree. Unix only: it reads the resources of its children.
"""
import argparse, json, os, random, re, shutil, subprocess, sys, tempfile

QUERY = ("SELECT category, count(*) AS n, sum(CASE WHEN is_fraud THEN 1 ELSE 0 END) AS fraud "
         "FROM {} GROUP BY category ORDER BY category")
DUCKDB = r"""
import duckdb, sys
c = duckdb.connect(); c.execute("SET threads=2")
c.execute(f'''COPY (SELECT transaction_id, user_id AS customer_id, amount, round(amount * 0.015, 2) AS fee, category, location,
  event_time, is_fraud, substr(event_time, 1, 4) AS year, substr(event_time, 6, 2) AS month
  FROM read_json('{sys.argv[1]}', format='newline_delimited', columns={{transaction_id:'VARCHAR', user_id:'VARCHAR',
  amount:'DOUBLE', category:'VARCHAR', location:'VARCHAR', event_time:'VARCHAR', is_fraud:'BOOLEAN'}}) WHERE amount > 0)
  TO '{sys.argv[2]}' (FORMAT parquet, COMPRESSION snappy, PARTITION_BY (year, month))''')
for row in c.execute(sys.argv[3].format(f"read_parquet('{sys.argv[2]}/*/*/*.parquet', hive_partitioning=true)")).fetchall():
    print(*row)
"""
SPARK = r"""
import sys
from pyspark.sql import SparkSession, functions as F
s = SparkSession.builder.master("local[2]").config("spark.ui.enabled", "false").config("spark.sql.shuffle.partitions", "2").getOrCreate()
d = s.read.schema("transaction_id string, user_id string, amount double, category string, location string, event_time string, is_fraud boolean").json(sys.argv[1])
d = (d.where("amount > 0").withColumnRenamed("user_id", "customer_id").withColumn("fee", F.round(F.col("amount") * 0.015, 2))
     .withColumn("year", F.substring("event_time", 1, 4)).withColumn("month", F.substring("event_time", 6, 2)))
d.write.option("compression", "snappy").partitionBy("year", "month").parquet(sys.argv[2])
s.read.parquet(sys.argv[2]).createOrReplaceTempView("out")
for row in s.sql(sys.argv[3].format("out")).collect():
    print(*row)
# The work is done by a Java process: only when its end is waited for do its resources count as this program's.
g = s.sparkContext._gateway
s.stop(); g.shutdown(); g.proc.stdin.close(); g.proc.wait()
"""


def generate(path, rows):
    """Made-up payments of a year, about 149 bytes a line; the same for every run."""
    draw = random.Random(42)
    categories = ["grocery", "electronics", "clothing", "restaurant", "travel", "fuel", "online"]
    cities = ["Seoul", "Busan", "Incheon", "Daegu", "Daejeon", "Gwangju"]
    with open(path, "w") as out:
        for i in range(rows):
            amount = round(draw.lognormvariate(3.5, 1.0), 2) * (-1 if draw.random() < 0.065 else 1)
            out.write('{"transaction_id":"tx_%08d","user_id":"user_%05d","amount":%.2f,"category":"%s","location":"%s",'
                      '"event_time":"2024-%02d-%02dT%02d:%02d:%02d","is_fraud":%s}\n' % (
                          i, draw.randrange(20000), amount, draw.choice(categories), draw.choice(cities),
                          i * 12 // rows + 1, draw.randrange(1, 29), draw.randrange(24), draw.randrange(60), draw.randrange(60),
                          "true" if draw.random() < 0.02 else "false"))


def measured(name, command):
    """CPU seconds and the largest resident set of a program with its children."""
    # GNU time's figures come from wait4 of the child alone, so that programs do not mix.
    child = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    out, err = b"", b""
    out = child.stdout.read()
    err = child.stderr.read()
    _, status, used = os.wait4(child.pid, 0)
    child.returncode = status
    if status != 0:
        sys.exit(f"{name} failed:\n{err.decode(errors='replace')[-2000:]}")
    return used.ru_utime + used.ru_stime, used.ru_maxrss / 1024, out.decode()


def groups(text):
    """(category, rows, frauds) of each printed line, whatever the frame."""
    found = []
    for line in text.splitlines():
        words = re.findall(r"[\w.]+", line)
        if words and words[0] in ("grocery", "electronics", "clothing", "restaurant", "travel", "fuel", "online"):
            found.append((words[0], int(words[1]), int(words[-1])))
    return found


def main():
    ask = argparse.ArgumentParser()
    ask.add_argument("--weir", default="target/release/weir")
    ask.add_argument("--rows", type=int, default=2_000_000)
    ask.add_argument("--repeat", type=int, default=3)
    ask.add_argument("--input", help="an input that was made before")
    ask = ask.parse_args()
    work = tempfile.mkdtemp(prefix="weir-etl-")
    try:
        path = ask.input or os.path.join(work, "input.json")
        if not os.path.exists(path):
            generate(path, ask.rows)
        print(f"input: {os.path.getsize(path) / 1e6:.0f} MB")
        programs = {"weir": lambda out: [ask.weir, "bench", "etl", "--input", path]}
        for module, script in (("duckdb", DUCKDB), ("pyspark", SPARK)):
            known = subprocess.run([sys.executable, "-c", f"import {module}"], capture_output=True).returncode == 0
            if known:
                programs[module] = lambda out, script=script: [sys.executable, "-c", script, path, out, QUERY]
            else:
                print(f"{module} is not installed and left out")
        best, answers = {}, {}
        for name, command in programs.items():
            for i in range(1 if name == "pyspark" else ask.repeat):
                target = os.path.join(work, f"{name}-{i}")
                cpu, memory, out = measured(name, command(target))
                shutil.rmtree(target, ignore_errors=True)
                answers[name] = groups(out)
                if name not in best or cpu < best[name][0]:
                    best[name] = (cpu, memory)
        own = best["weir"]
        print(f"{'program':10} {'CPU s':>8} {'MB':>8} {'CPU / weir':>11} {'MB / weir':>10}")
        for name, (cpu, memory) in best.items():
            print(f"{name:10} {cpu:8.2f} {memory:8.0f} {cpu / own[0]:11.2f} {memory / own[1]:10.2f}")
        if len({json.dumps(a) for a in answers.values()}) != 1:
            sys.exit(f"the programs do not agree: {answers}")
        print("all programs gave the same groups")
    finally:
        shutil.rmtree(work, ignore_errors=True)


if __name__ == "__main__":
    main()
