//! Several instances of the service on one PostgreSQL server.

mod chaos;
mod linear;
mod load;
mod network;
mod readiness;
mod several;
mod site;
mod startup;
