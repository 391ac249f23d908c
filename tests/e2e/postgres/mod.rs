//! Several instances of the service on one PostgreSQL server.

mod network;
