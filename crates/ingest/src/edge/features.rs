//! What this server can do, as it tells devices: FEAT (RFC 2389) and HELP. Each names what works and nothing else.

use super::facts::Facts;
use super::reply::Reply;

/// The reply to FEAT. The facts that MLST and MLSD give stand behind MLST (RFC 3659 section 7.8).
pub(super) fn features(has_tls: bool, facts: Facts) -> Reply {
    let facts = facts.starred();
    let (tls, protection) = if has_tls { ("AUTH TLS\n", "PBSZ\nPROT\n") } else { ("", "") };
    Reply::new(
        211,
        format!(
            "Features:\n{tls}CLNT\nEPRT\nEPSV\nHOST\nLANG EN*\nMDTM\nMFMT\nMLST {facts}\n{protection}REST STREAM\nSIZE\n\
             TVFS\nUTF8\nEnd"
        ),
    )
}

/// The reply to HELP.
pub(super) fn help(has_tls: bool) -> Reply {
    let known: Vec<&str> = COMMANDS.split_whitespace().filter(|command| has_tls || !OF_TLS.contains(command)).collect();
    let lines: Vec<String> = known.chunks(WORDS_IN_A_LINE).map(|line| line.join(" ")).collect();
    Reply::new(214, format!("The following commands are recognized:\n{}\nEnd", lines.join("\n")))
}

const WORDS_IN_A_LINE: usize = 16;

const COMMANDS: &str = "ABOR ACCT ALLO APPE AUTH CDUP CLNT CWD DELE EPRT EPSV FEAT HELP HOST LANG LIST MDTM MFMT MKD MLSD MLST MODE \
    NLST NOOP OPTS PASS PASV PBSZ PORT PROT PWD QUIT REIN REST RETR RMD RNFR RNTO SITE SIZE STAT STOR STOU STRU SYST TYPE USER \
    XCUP XCWD XMKD XPWD XRMD";

/// The commands that are of no use without a certificate.
const OF_TLS: [&str; 3] = ["AUTH", "PBSZ", "PROT"];
