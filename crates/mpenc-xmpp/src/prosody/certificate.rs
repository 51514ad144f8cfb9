//! A certificate for a server of one's own, by an authority of one's own: with `openssl`.

use std::fs;
use std::path::Path;
use std::process::Command;

use super::StartError;

/// Makes an authority in the folder, a key, and a certificate of that key for `name`.
pub(super) fn make(folder: &Path, name: &str) -> Result<(), StartError> {
    if !name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-".contains(&byte)) {
        return Err(StartError::Failed(format!("{name:?} is no name for a certificate here")));
    }
    fs::write(folder.join(SETTINGS), settings(name))?;
    let key = ["-newkey", "rsa:2048", "-nodes", "-config", SETTINGS];
    let dates = ["-days", "2"];
    let authority = ["req", "-x509", "-section", "authority"];
    openssl(
        folder,
        &[&authority[..], &key, &dates, &["-keyout", AUTHORITY_KEY, "-out", AUTHORITY]].concat(),
    )?;
    let request = ["req", "-new", "-section", "server", "-keyout", KEY, "-out", REQUEST];
    openssl(folder, &[&request[..], &key].concat())?;
    let sign = ["x509", "-req", "-in", REQUEST, "-out", CERTIFICATE, "-set_serial", "2"];
    let by = ["-CA", AUTHORITY, "-CAkey", AUTHORITY_KEY, "-extfile", SETTINGS];
    openssl(folder, &[&sign[..], &by, &dates, &["-extensions", "of_server"]].concat())
}

fn openssl(folder: &Path, args: &[&str]) -> Result<(), StartError> {
    let made = Command::new("openssl").current_dir(folder).args(args).output();
    let made = made.map_err(|error| StartError::Failed(format!("cannot run openssl: {error}")))?;
    if made.status.success() {
        return Ok(());
    }
    let said = crate::error::printable(&String::from_utf8_lossy(&made.stderr));
    Err(StartError::Failed(format!("openssl makes no certificate: {said}")))
}

fn settings(name: &str) -> String {
    format!(
        "[authority]\n\
         prompt = no\n\
         distinguished_name = authority_name\n\
         x509_extensions = of_authority\n\
         [authority_name]\n\
         CN = an authority for {name} only\n\
         [of_authority]\n\
         basicConstraints = critical, CA:TRUE\n\
         [server]\n\
         prompt = no\n\
         distinguished_name = server_name\n\
         [server_name]\n\
         CN = {name}\n\
         [of_server]\n\
         basicConstraints = CA:FALSE\n\
         subjectAltName = DNS:{name}\n"
    )
}

pub(super) const AUTHORITY: &str = "authority.crt";
pub(super) const CERTIFICATE: &str = "server.crt";
pub(super) const KEY: &str = "server.key";

const AUTHORITY_KEY: &str = "authority.key";
const REQUEST: &str = "server.csr";
const SETTINGS: &str = "openssl.cnf";
