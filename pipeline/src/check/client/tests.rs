use super::named;

#[test]
fn the_address_is_found_in_the_reply_to_pasv() {
    let found = |said| named(said).map(|address| address.to_string());
    assert_eq!(found("227 Entering Passive Mode (192,0,2,7,8,74)").as_deref(), Some("192.0.2.7:2122"));
    for said in ["227 ok", "227 (1,2,3,4,5)", "227 (1,2,3,4,5,256)", "227 (1,2,3,4,5,6,7)", "227 )1,2,3,4,5,6("] {
        assert_eq!(found(said), None, "{said}");
    }
}
