//! Network flows with the fields of VPC Flow Logs (version 2, without start and end: the record's time stands for both).

use super::draw::{Choice, Keys, Quantiles, share_of_32_bits};
use super::text::Text;
use super::{FieldDoc, GeneratorSpec, Request, key_width};
use arrow::array::{ArrayRef, Int32Array, Int64Array};
use arrow::datatypes::DataType;
use std::sync::Arc;

// Source: https://docs.aws.amazon.com/vpc/latest/userguide/flow-log-records.html (names of the fields).
pub(super) const FIELDS: [FieldDoc; 11] = [
    field("account_id", "The account that owns the interface."),
    field(
        "interface_id",
        "The network interface, `eni-` and a number; the natural partition key.",
    ),
    field("srcaddr", "Source address (IPv4)."),
    field("dstaddr", "Destination address (IPv4), private."),
    field("srcport", "Source port."),
    field(
        "dstport",
        "Destination port; rejected flows try ports that nobody serves.",
    ),
    field("protocol", "IANA protocol number: 6 is TCP, 17 is UDP."),
    field("packets", "Packets of the flow."),
    field("bytes", "Bytes of the flow."),
    field(
        "action",
        "`ACCEPT`, or `REJECT` for the share `fraud_rate` of flows.",
    ),
    field("log_status", "`OK`."),
];

const fn field(name: &'static str, doc: &'static str) -> FieldDoc {
    FieldDoc { name, doc }
}

pub(super) fn types() -> Vec<DataType> {
    use DataType::{Int32, Int64, Utf8};
    vec![
        Utf8, Utf8, Utf8, Utf8, Int32, Int32, Int32, Int64, Int64, Utf8, Utf8,
    ]
}

/// Port, protocol, weight.
const SERVED: [(i32, i32, u32); 5] = [
    (443, 6, 150),
    (80, 6, 40),
    (5432, 6, 26),
    (53, 17, 30),
    (6379, 6, 10),
];
const PROBED: [i32; 8] = [22, 23, 445, 1433, 3389, 5900, 8080, 2375];

#[derive(Debug)]
pub(super) struct Maker {
    keys: Keys,
    width: usize,
    rejects: u64,
    served: Choice,
    packets: Quantiles,
    packet_bytes: Quantiles,
}

impl Maker {
    pub(super) fn new(spec: &GeneratorSpec) -> Self {
        Self {
            keys: Keys::of(spec),
            width: key_width(spec.keys),
            rejects: share_of_32_bits(spec.fraud_rate),
            served: Choice::new(SERVED.iter().map(|s| s.2)),
            packets: Quantiles::lognormal(1.2),
            packet_bytes: Quantiles::lognormal(0.4),
        }
    }
    #[expect(
        clippy::cast_possible_truncation,
        reason = "packets and bytes of a flow are far below the limits of their types"
    )]
    pub(super) fn columns(&self, request: Request<'_>) -> Vec<ArrayRef> {
        let Request {
            rng, rows, first, ..
        } = request;
        let mut accounts = Text::new(rows, 12);
        let mut interfaces = Text::new(rows, 4 + self.width);
        let (mut sources, mut targets) = (Text::new(rows, 15), Text::new(rows, 13));
        let (mut actions, mut states) = (Text::new(rows, 6), Text::new(rows, 2));
        let [mut from_ports, mut to_ports, mut protocols] =
            [(); 3].map(|()| Vec::with_capacity(rows));
        let [mut packets, mut bytes] = [(); 2].map(|()| Vec::with_capacity(rows));
        for row in 0..rows as u64 {
            let interface = self.keys.at(first + row, rng);
            let bits = rng.next_u64();
            let reject = bits >> 32 < self.rejects;
            let (port, protocol, _) = SERVED[self.served.pick(bits)];
            let draw = rng.next_u64();
            let count = if reject {
                1 + (draw & 3) as i64
            } else {
                1 + (11.0 * self.packets.at(draw)) as i64
            };
            let each = if reject {
                40
            } else {
                40 + (380.0 * self.packet_bytes.at(draw << 10)) as i64
            };
            accounts.push("123456789012");
            interfaces.put(b"eni-").digits(interface, self.width).end();
            let outside = [(draw >> 8) & 0x7f, (draw >> 16) & 0xff, (draw >> 24) & 0xff];
            sources.put(if reject { b"198." } else { b"10.0" });
            sources.put(if reject { b"" } else { b"." });
            sources.number(outside[1]).put(b".").number(outside[2]);
            if reject {
                sources.put(b".").number(outside[0]);
            }
            sources.end();
            targets.put(b"10.1.").number((interface >> 8) & 0xff);
            targets.put(b".").number(interface & 0xff).end();
            from_ports.push(32_768 + (bits >> 8 & 0x6fff) as i32);
            let probed = PROBED[(bits >> 24) as usize & 7];
            to_ports.push(if reject { probed } else { port });
            protocols.push(if reject { 6 } else { protocol });
            packets.push(count);
            bytes.push(count * each);
            actions.push(if reject { "REJECT" } else { "ACCEPT" });
            states.push("OK");
        }
        vec![
            accounts.finish(),
            interfaces.finish(),
            sources.finish(),
            targets.finish(),
            Arc::new(Int32Array::from(from_ports)),
            Arc::new(Int32Array::from(to_ports)),
            Arc::new(Int32Array::from(protocols)),
            Arc::new(Int64Array::from(packets)),
            Arc::new(Int64Array::from(bytes)),
            actions.finish(),
            states.finish(),
        ]
    }
}
