//! A served tenant as the programs under test meet it: over sockets, through the library and through the command.

mod bytes;
mod calls;
mod command;
mod control;
mod drive;
mod enrolment;
mod faults;
mod fronts;
mod load;
mod settings;
mod tls;
