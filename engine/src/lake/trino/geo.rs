//! Points and polygons. A geometry is its WKT text; angles are degrees.

use super::{Args, Function, Gives, Kind, Result, function, wrong};
use arrow::array::ArrayRef;

/// Mean radius of the Earth as Trino takes it, in km.
const EARTH_RADIUS_KM: f64 = 6371.01;
const TEXT: &[Kind] = &[Kind::Text];
const TWO: &[Kind] = &[Kind::Text, Kind::Text];

pub(super) static ALL: &[Function] = &[
    function(
        "st_point",
        &[Kind::Double, Kind::Double],
        Gives::Text,
        |a| {
            a.texts(|r| {
                Ok(a.double(0, r)
                    .zip(a.double(1, r))
                    .map(|(x, y)| format!("POINT ({x} {y})")))
            })
        },
    ),
    function("st_x", TEXT, Gives::Double, |a| {
        a.doubles(|r| a.text(0, r).map(|t| point(t).map(|p| p.0)).transpose())
    }),
    function("st_y", TEXT, Gives::Double, |a| {
        a.doubles(|r| a.text(0, r).map(|t| point(t).map(|p| p.1)).transpose())
    }),
    function("st_astext", TEXT, Gives::Text, |a| {
        a.texts(|r| Ok(a.text(0, r).map(str::to_owned)))
    }),
    function("st_geometryfromtext", TEXT, Gives::Text, |a| {
        a.texts(|r| {
            a.text(0, r)
                .map(|t| shape(t).map(|_| t.trim().to_owned()))
                .transpose()
        })
    }),
    function("to_spherical_geography", TEXT, Gives::Text, |a| {
        a.texts(|r| {
            a.text(0, r)
                .map(|t| point(t).map(|_| format!("SPHERE {}", t.trim())))
                .transpose()
        })
    }),
    function("st_distance", TWO, Gives::Double, distance),
    function("st_contains", TWO, Gives::Truth, |a| {
        a.truths(|r| {
            let (Some(outer), Some(inner)) = (a.text(0, r), a.text(1, r)) else {
                return Ok(None);
            };
            Ok(Some(inside(&shape(outer)?, point(inner)?)))
        })
    }),
    function(
        "great_circle_distance",
        &[Kind::Double, Kind::Double, Kind::Double, Kind::Double],
        Gives::Double,
        |a| {
            a.doubles(|r| {
                let all = (
                    a.double(0, r),
                    a.double(1, r),
                    a.double(2, r),
                    a.double(3, r),
                );
                let (Some(lat1), Some(lon1), Some(lat2), Some(lon2)) = all else {
                    return Ok(None);
                };
                great_circle((lat1, lon1), (lat2, lon2)).map(Some)
            })
        },
    ),
];

fn distance(a: &Args<'_>) -> Result<ArrayRef> {
    a.doubles(|r| {
        let (Some(one), Some(other)) = (a.text(0, r), a.text(1, r)) else {
            return Ok(None);
        };
        let sphere = |t: &str| t.trim().strip_prefix("SPHERE ").map(str::to_owned);
        match (sphere(one), sphere(other)) {
            (Some(one), Some(other)) => {
                let ((x1, y1), (x2, y2)) = (point(&one)?, point(&other)?);
                // Metres for spherical geographies.
                great_circle((y1, x1), (y2, x2)).map(|km| Some(km * 1000.0))
            }
            (None, None) => {
                let ((x1, y1), (x2, y2)) = (point(one)?, point(other)?);
                Ok(Some(libm::hypot(x1 - x2, y1 - y2)))
            }
            _ => Err(wrong(
                "ST_Distance() needs two geometries or two spherical geographies",
            )),
        }
    })
}

fn great_circle((lat1, lon1): (f64, f64), (lat2, lon2): (f64, f64)) -> Result<f64> {
    for (value, bound, name) in [
        (lat1, 90.0, "latitude"),
        (lat2, 90.0, "latitude"),
        (lon1, 180.0, "longitude"),
        (lon2, 180.0, "longitude"),
    ] {
        if value.is_nan() || value.abs() > bound {
            return Err(wrong(format!(
                "INVALID_FUNCTION_ARGUMENT: a {name} is -{bound} to {bound}, not {value}"
            )));
        }
    }
    let (a, b, d) = (
        lat1.to_radians(),
        lat2.to_radians(),
        (lon1 - lon2).to_radians(),
    );
    let (sin_a, cos_a) = (libm::sin(a), libm::cos(a));
    let (sin_b, cos_b) = (libm::sin(b), libm::cos(b));
    let (sin_d, cos_d) = (libm::sin(d), libm::cos(d));
    let up = libm::hypot(cos_b * sin_d, cos_a * sin_b - sin_a * cos_b * cos_d);
    let down = sin_a * sin_b + cos_a * cos_b * cos_d;
    Ok(libm::atan2(up, down) * EARTH_RADIUS_KM)
}

/// The rings of a polygon, or a point as one ring of one corner.
type Shape = Vec<Vec<(f64, f64)>>;

fn fault(text: &str) -> datafusion::common::DataFusionError {
    let shown: String = text.chars().take(80).collect();
    wrong(format!(
        "`{shown}` is not a geometry that is modelled: there is POINT (x y) and POLYGON ((x y, …))"
    ))
}

fn shape(text: &str) -> Result<Shape> {
    let plain = text.trim();
    let upper = plain.to_uppercase();
    let body = |name: &str| {
        let rest = upper.strip_prefix(name)?.trim();
        Some(rest.strip_prefix('(')?.strip_suffix(')')?.to_owned())
    };
    if let Some(inside) = body("POINT") {
        return Ok(vec![vec![corner(&inside).ok_or_else(|| fault(text))?]]);
    }
    let rings = body("POLYGON").ok_or_else(|| fault(text))?;
    let read = rings.split("),").map(|ring| {
        let ring = ring.trim().trim_start_matches('(').trim_end_matches(')');
        ring.split(',').map(corner).collect::<Option<Vec<_>>>()
    });
    let rings: Option<Shape> = read.collect();
    rings
        .filter(|r| r.iter().all(|r| r.len() > 2))
        .ok_or_else(|| fault(text))
}

fn corner(text: &str) -> Option<(f64, f64)> {
    let mut numbers = text.split_whitespace().map(str::parse::<f64>);
    match (numbers.next(), numbers.next(), numbers.next()) {
        (Some(Ok(x)), Some(Ok(y)), None) => Some((x, y)),
        _ => None,
    }
}

fn point(text: &str) -> Result<(f64, f64)> {
    let text = text.trim();
    let plain = text.strip_prefix("SPHERE ").unwrap_or(text);
    let rings = shape(plain)?;
    match rings.first().map(Vec::as_slice) {
        Some([one]) => Ok(*one),
        _ => Err(wrong("a point is needed here, not a polygon")),
    }
}

/// Even-odd rule over all rings, so that holes are outside. A point contains itself alone.
fn inside(shape: &Shape, (x, y): (f64, f64)) -> bool {
    if let [ring] = shape.as_slice()
        && let [only] = ring.as_slice()
    {
        return libm::hypot(only.0 - x, only.1 - y) == 0.0;
    }
    let mut odd = false;
    for ring in shape {
        let ends = ring.iter().skip(1).chain(ring.first());
        for ((x1, y1), (x2, y2)) in ring.iter().zip(ends) {
            if (y1 > &y) != (y2 > &y) && x < (x2 - x1) * (y - y1) / (y2 - y1) + x1 {
                odd = !odd;
            }
        }
    }
    odd
}
