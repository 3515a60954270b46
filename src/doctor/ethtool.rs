//! What only the driver of an interface knows: one ioctl, which no crate in use wraps. `unsafe` for that call alone.
#![allow(unsafe_code)]
use super::trials::Coalescing;
use std::io::{Error, Result};
use std::net::UdpSocket;
use std::os::fd::AsRawFd;

/// `linux/ethtool.h`, `ETHTOOL_GCOALESCE`.
const GET_COALESCE: u32 = 0x0e;

/// `struct ethtool_coalesce` as far as we read it; the whole is 23 words.
#[repr(C)]
struct Coalesce {
    cmd: u32,
    rx_us: u32,
    rx_to_stats_block: [u32; 3],
    tx_us: u32,
    tx_to_stats_block: [u32; 4],
    use_adaptive_rx: u32,
    use_adaptive_tx: u32,
    rates: [u32; 11],
}

/// How `interface` gathers frames.
///
/// # Errors
/// `EOPNOTSUPP` from drivers that cannot tell, `ENODEV` for a name that is not there.
pub(super) fn coalescing(interface: &str) -> Result<Coalescing> {
    let socket = UdpSocket::bind("127.0.0.1:0")?;
    let mut asked = Coalesce {
        cmd: GET_COALESCE,
        rx_us: 0,
        rx_to_stats_block: [0; 3],
        tx_us: 0,
        tx_to_stats_block: [0; 4],
        use_adaptive_rx: 0,
        use_adaptive_tx: 0,
        rates: [0; 11],
    };
    // SAFETY: ifreq is plain numbers for which all-zero is valid.
    let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
    // The last byte stays zero: the name ends there at the latest.
    let places = request.ifr_name.iter_mut().take(libc::IFNAMSIZ - 1);
    places.zip(interface.bytes()).for_each(|(place, byte)| *place = byte as libc::c_char);
    request.ifr_ifru.ifru_data = (&raw mut asked).cast();
    // SAFETY: the kernel reads the request and writes one ethtool_coalesce, whose layout and size `Coalesce` has,
    // to where it points; both outlive the call.
    let answer = unsafe { libc::ioctl(socket.as_raw_fd(), libc::SIOCETHTOOL as _, &raw mut request) };
    if answer < 0 {
        return Err(Error::last_os_error());
    }
    Ok(Coalescing {
        rx_us: asked.rx_us,
        tx_us: asked.tx_us,
        adaptive: asked.use_adaptive_rx != 0 || asked.use_adaptive_tx != 0,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_structure_has_the_size_the_kernel_writes() {
        assert_eq!(size_of::<Coalesce>(), 23 * 4);
        assert_eq!(std::mem::offset_of!(Coalesce, use_adaptive_rx), 10 * 4);
    }

    #[test]
    fn an_interface_that_is_not_there_is_an_error() {
        assert!(coalescing("no-such-if-1234567890").is_err());
    }
}
