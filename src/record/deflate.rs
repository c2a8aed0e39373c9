//! DEFLATE (RFC 1951) without gzip's header and CRC: the envelope has a length and a stronger checksum already.

use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress, Status};

/// Level, by the measurement in docs/benchmarks.md.
const LEVEL: u32 = 3;

/// Deflates; `None` when the result is not smaller than the input.
pub fn deflate(raw: &[u8]) -> Option<Vec<u8>> {
    // Nothing shorter shrinks: a deflate block with fixed codes needs repetition to pay for itself.
    if raw.len() < 32 {
        return None;
    }
    let mut out = Vec::with_capacity(raw.len());
    let mut stream = Compress::new(Compression::new(LEVEL), false);
    // The capacity is the raw length: output that does not fit it is not worth keeping.
    let status = stream.compress_vec(raw, &mut out, FlushCompress::Finish).ok()?;
    (status == Status::StreamEnd && out.len() < raw.len()).then_some(out)
}

/// Inflates to exactly `raw_length` bytes. Never holds more than that: a stream that goes on is stopped there.
///
/// # Errors
/// A description of what is wrong with the stream.
pub fn inflate(body: &[u8], raw_length: usize) -> Result<Vec<u8>, String> {
    // One byte of room beyond the claim, so that a longer stream shows itself as longer.
    let mut out = Vec::with_capacity(raw_length + 1);
    let mut stream = Decompress::new(false);
    let status = stream
        .decompress_vec(body, &mut out, FlushDecompress::Finish)
        .map_err(|error| format!("its deflate stream is invalid: {error}"))?;
    if out.len() > raw_length {
        return Err(format!("it inflates to more than the {raw_length} bytes it claims"));
    }
    if status != Status::StreamEnd || out.len() < raw_length {
        return Err(format!("its deflate stream ends after {} of {raw_length} bytes", out.len()));
    }
    if stream.total_in() != body.len() as u64 {
        return Err("bytes follow the end of its deflate stream".into());
    }
    Ok(out)
}
