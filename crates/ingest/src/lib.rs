//! FTP in, durable uploads out.
mod session;
