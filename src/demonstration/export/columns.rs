//! Every tick as a table: CSV with units in its names, or the arrays of an `.npz` file.
use super::{Error, frames};
use crate::atomic_file;
use crate::demonstration::episode::{Episode, Tick};
use std::io::{self, Write};
use std::path::Path;
use zip::write::SimpleFileOptions;

/// A quantity: its name, the names of its elements with their unit, and where it stands in a tick.
type Quantity = (&'static str, Vec<String>, fn(&Tick) -> Vec<f64>);

fn quantities() -> Vec<Quantity> {
    let joints = |name: &str, unit: &str| (1..=7).map(|j| format!("{name}_{j}_{unit}")).collect::<Vec<_>>();
    let one = |name: &str| vec![name.to_string()];
    let axes = |name: &str| ["x", "y", "z"].map(|axis| format!("{name}_{axis}_m")).to_vec();
    vec![
        ("monotonic_s", one("monotonic_s"), |t| vec![t.monotonic_ns as f64 * 1e-9]),
        ("compute_us", one("compute_us"), |t| vec![t.compute_ns as f64 * 1e-3]),
        ("lost", one("lost"), |t| vec![f64::from(t.lost)]),
        ("q", joints("q", "rad"), |t| t.q.to_vec()),
        ("dq", joints("dq", "rad_s"), |t| t.dq.to_vec()),
        ("q_d", joints("q_d", "rad"), |t| t.q_d.to_vec()),
        ("q_c", joints("q_c", "rad"), |t| t.q_c.to_vec()),
        ("tau_J", joints("tau_J", "nm"), |t| t.tau_J.to_vec()),
        ("tau_ext_hat_filtered", joints("tau_ext", "nm"), |t| t.tau_ext_hat_filtered.to_vec()),
        (
            "O_F_ext_hat_K",
            ["Fx_n", "Fy_n", "Fz_n", "Mx_nm", "My_nm", "Mz_nm"].map(String::from).to_vec(),
            |t| t.O_F_ext_hat_K.to_vec(),
        ),
        ("O_T_EE", (0..16).map(|i| format!("O_T_EE_{i}")).collect(), |t| t.O_T_EE.to_vec()),
        ("gripper_width_m", one("gripper_width_m"), |t| vec![t.gripper.map_or(f64::NAN, |g| g.width_m)]),
        ("tau_s", one("tau_s"), |t| vec![t.tau_s]),
        ("x_ref", axes("x_ref"), |t| t.x_ref.to_vec()),
    ]
}

fn new(place: &Path) -> Result<(), Error> {
    if place.exists() { Err(Error::Exists { place: place.to_owned() }) } else { Ok(()) }
}

/// Writes every tick as a line, time and position first.
///
/// # Errors
/// [`Error::Exists`], or what the system says.
pub fn csv(place: &Path, episode: &Episode) -> Result<(), Error> {
    new(place)?;
    let quantities = quantities();
    let names: Vec<&str> =
        quantities.iter().flat_map(|(_, names, _)| names.iter().map(String::as_str)).collect();
    let start_ms = episode.ticks.first().map_or(0, |tick| tick.robot_time_ms);
    let written = atomic_file::write_with(place, |file| {
        writeln!(file, "t_s,x_m,y_m,z_m,{}", names.join(","))?;
        for tick in &episode.ticks {
            let [x, y, z] = tick.O_p_EE();
            write!(file, "{},{x},{y},{z}", (tick.robot_time_ms - start_ms) as f64 * 1e-3)?;
            for number in quantities.iter().flat_map(|(_, _, of)| of(tick)) {
                match number.is_nan() {
                    true => write!(file, ",")?,
                    false => write!(file, ",{number}")?,
                }
            }
            writeln!(file)?;
        }
        Ok(())
    });
    written.map_err(|source| Error::Io { place: place.to_owned(), source })
}

/// Writes the taught motion as `--trajectory` reads it: poses and joints, `fps` a second.
///
/// # Errors
/// [`Error::Pose`], or as [`csv`].
pub fn trajectory(place: &Path, name: &str, episode: &Episode, fps: u32) -> Result<(), Error> {
    new(place)?;
    let frames = frames(name, episode, fps)?;
    let written = atomic_file::write_with(place, |file| {
        writeln!(file, "t_s,x_m,y_m,z_m,qx,qy,qz,qw,q1_rad,q2_rad,q3_rad,q4_rad,q5_rad,q6_rad,q7_rad")?;
        for (k, frame) in frames.iter().enumerate() {
            write!(file, "{:.6}", k as f64 / f64::from(fps))?;
            for number in frame.ee_pose.iter().chain(frame.state.iter().take(7)) {
                write!(file, ",{number}")?;
            }
            writeln!(file)?;
        }
        Ok(())
    });
    written.map_err(|source| Error::Io { place: place.to_owned(), source })
}

/// Writes an array a quantity, ticks by elements, for `numpy.load`.
///
/// # Errors
/// As [`csv`].
pub fn npz(place: &Path, episode: &Episode) -> Result<(), Error> {
    new(place)?;
    let ticks = &episode.ticks;
    let start_ms = ticks.first().map_or(0, |tick| tick.robot_time_ms);
    let mut bytes = io::Cursor::new(Vec::new());
    let packed = (|| {
        let mut zip = zip::ZipWriter::new(&mut bytes);
        let times = ticks.iter().map(|tick| (tick.robot_time_ms - start_ms) as f64 * 1e-3);
        array(&mut zip, "t_s", &[ticks.len()], times)?;
        for (name, names, of) in quantities() {
            array(&mut zip, name, &[ticks.len(), names.len()], ticks.iter().flat_map(of))?;
        }
        zip.finish().map_err(io::Error::other).map(|_| ())
    })();
    let written = packed.and_then(|()| atomic_file::write(place, bytes.get_ref()));
    written.map_err(|source| Error::Io { place: place.to_owned(), source })
}

/// One array in NumPy's format 1.0 (numpy/lib/format.py): magic, header padded to 64 bytes, numbers in rows.
fn array<W: Write + io::Seek>(
    zip: &mut zip::ZipWriter<W>,
    name: &str,
    shape: &[usize],
    numbers: impl Iterator<Item = f64>,
) -> io::Result<()> {
    let options =
        SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored).large_file(true);
    zip.start_file(format!("{name}.npy"), options).map_err(io::Error::other)?;
    let shape: String = shape.iter().map(|n| format!("{n}, ")).collect();
    let mut header = format!("{{'descr': '<f8', 'fortran_order': False, 'shape': ({}), }}", shape.trim_end());
    let padding = 63 - (10 + header.len()) % 64;
    header.extend(std::iter::repeat_n(' ', padding));
    header.push('\n');
    zip.write_all(b"\x93NUMPY\x01\x00")?;
    zip.write_all(&(header.len() as u16).to_le_bytes())?;
    zip.write_all(header.as_bytes())?;
    let mut block = Vec::with_capacity(1 << 16);
    for number in numbers {
        block.extend_from_slice(&number.to_le_bytes());
        if block.len() >= 1 << 16 {
            zip.write_all(&block)?;
            block.clear();
        }
    }
    zip.write_all(&block)
}
