//! The arm as the page shows it (`page/panda.bin`, described in scripts/build_meshes.py) against the capsules of it.
use crate::kinematics::{Point, capsules, links};
use crate::robot::Joints;
use crate::robot::limits::Q_READY;

const FILE: &[u8] = include_bytes!("page/panda.bin");
/// A pose with every joint turned, rad.
const ELSEWHERE: Joints = [0.6, -0.3, 0.4, -1.9, 0.5, 2.0, -0.6];
/// How far the parts reach beyond the capsules of their own and the next links, m: the capsules of the base are short of
/// its foot and sockets, those of the hand short of its ends.
const BEYOND_M: [f64; 9] = [0.042, 0.022, 0.022, 0.022, 0.022, 0.022, 0.022, 0.022, 0.037];

/// A link, or the hand with its fingers, in the frame of the link with its number.
struct Part {
    vertices: Vec<Point>,
    normals: Vec<Point>,
    triangles: Vec<[usize; 3]>,
}

/// Takes little-endian numbers off a file.
struct Reader(&'static [u8]);

impl Reader {
    fn take<const N: usize>(&mut self) -> [u8; N] {
        let (head, rest) = self.0.split_at(N);
        self.0 = rest;
        head.try_into().expect("as many bytes")
    }

    fn u32(&mut self) -> usize {
        u32::from_le_bytes(self.take()) as usize
    }

    fn point(&mut self) -> Point {
        Point::from_fn(|_, _| f64::from(f32::from_le_bytes(self.take())))
    }

    fn triple(&mut self) -> [u16; 3] {
        std::array::from_fn(|_| u16::from_le_bytes(self.take()))
    }

    /// A direction on an unfolded octahedron.
    fn direction(&mut self) -> Point {
        let [x, y] = self.take().map(|byte| f64::from(byte.cast_signed()) / 127.0);
        let z = 1.0 - x.abs() - y.abs();
        let (u, v) =
            if z < 0.0 { ((1.0 - y.abs()).copysign(x), (1.0 - x.abs()).copysign(y)) } else { (x, y) };
        Point::new(u, v, z).normalize()
    }
}

fn parts() -> Vec<Part> {
    let mut reader = Reader(FILE);
    assert_eq!(&reader.take(), b"pandamsh");
    let count = reader.u32();
    let heads: Vec<_> = (0..count)
        .map(|_| {
            let [vertices, shell, dark] = std::array::from_fn(|_| reader.u32());
            (vertices, shell + dark, reader.point(), reader.point())
        })
        .collect();
    let mut parts: Vec<Part> = heads
        .iter()
        .map(|&(vertices, _, low, size)| {
            let mut place = || Point::from(reader.triple().map(|x| f64::from(x) / 65535.0));
            let vertices = (0..vertices).map(|_| low + place().component_mul(&size)).collect();
            Part { vertices, normals: Vec::new(), triangles: Vec::new() }
        })
        .collect();
    for (part, &(vertices, ..)) in parts.iter_mut().zip(&heads) {
        part.normals = (0..vertices).map(|_| reader.direction()).collect();
    }
    for (part, &(_, triangles, ..)) in parts.iter_mut().zip(&heads) {
        part.triangles = (0..triangles).map(|_| reader.triple().map(usize::from)).collect();
    }
    assert!(reader.0.is_empty(), "{} bytes too many", reader.0.len());
    parts
}

#[test]
fn every_part_of_the_shown_arm_lies_where_its_capsules_are() {
    let parts = parts();
    assert_eq!(parts.len(), BEYOND_M.len());
    for q in [Q_READY, ELSEWHERE] {
        let frames = links(&q);
        for (number, (part, most)) in parts.iter().zip(BEYOND_M).enumerate() {
            let near: Vec<_> = capsules::ARM
                .iter()
                .chain(&capsules::HAND)
                .filter(|capsule| capsule.link.abs_diff(number) <= 1)
                .map(|capsule| {
                    (capsule.ends.map(|end| frames[capsule.link].point(&end.into())), capsule.radius_m)
                })
                .collect();
            for vertex in &part.vertices {
                let at = frames[number].point(vertex);
                let beyond = near
                    .iter()
                    .map(|(ends, radius_m)| capsules::distance(ends, &[at, at]) - radius_m)
                    .fold(f64::INFINITY, f64::min);
                assert!(
                    beyond <= most,
                    "part {number} reaches {beyond:.4} m beyond, allowed {most}: {vertex:?}"
                );
            }
        }
    }
}

#[test]
fn the_shown_arm_stands_on_the_floor_and_its_fingers_reach_just_beyond_the_end_effector() {
    let parts = parts();
    let heights = |part: &Part| {
        part.vertices.iter().map(|p| p.z).fold((0.0_f64, 0.0_f64), |(low, high), z| (low.min(z), high.max(z)))
    };
    assert!(heights(&parts[0]).0.abs() < 1e-3);
    // The flange's face is where the flange is.
    assert!((heights(&parts[7]).1 - 0.107).abs() < 1e-3);
    let tip = heights(&parts[8]).1;
    let tool = crate::kinematics::hand_tool().translation.z;
    assert!(tip > tool && tip < tool + 0.012, "{tip} m, end effector at {tool} m");
}

#[test]
fn the_shown_arm_is_of_few_triangles_that_face_where_their_normals_do() {
    let parts = parts();
    let count: usize = parts.iter().map(|part| part.triangles.len()).sum();
    assert!((8_000..=12_000).contains(&count), "{count} triangles");
    let mut inward = 0;
    for part in &parts {
        for &[a, b, c] in &part.triangles {
            let corner = |i: usize| part.vertices[i];
            let facing = (corner(b) - corner(a)).cross(&(corner(c) - corner(a)));
            let normal = part.normals[a] + part.normals[b] + part.normals[c];
            inward += usize::from(facing.dot(&normal) < 0.0);
        }
    }
    assert!(100 * inward <= count, "{inward} of {count} face away");
}
