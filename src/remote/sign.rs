//! Signatures: JSON Web Tokens with HS256 and AWS Signature Version 4.
//!
//! Both are short uses of HMAC-SHA-256 (docs/adr/0092): RFC 7519 with RFC 7515, and "Signature
//! Version 4 signing process" of the AWS documentation.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use jiff::Timestamp;
use serde_json::json;
use sha2::{Digest, Sha256};
use url::Url;
use zeroize::Zeroizing;

use crate::digest::hex;
use crate::transport::Method;

/// How long a token lives and how far back it begins, seconds: what Kling's pages use.
const TOKEN_LIFE: i64 = 1800;
const TOKEN_BACK: i64 = 5;

/// A token of `access_key`, signed with `secret_key`, as Kling wants it: `iss`, `exp` and `nbf`.
pub(super) fn jwt(access_key: &str, secret_key: &[u8], now: Timestamp) -> String {
    let second = now.as_second();
    let claims =
        json!({ "iss": access_key, "exp": second + TOKEN_LIFE, "nbf": second - TOKEN_BACK });
    compact(r#"{"alg":"HS256","typ":"JWT"}"#, &claims.to_string(), secret_key)
}

fn compact(header: &str, claims: &str, key: &[u8]) -> String {
    let signed = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims));
    let signature = hmac(key, signed.as_bytes());
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(*signature))
}

/// Keys of an AWS account, or of a session of one.
pub(super) struct AwsKeys<'a> {
    pub(super) access_key_id: &'a str,
    pub(super) secret_access_key: &'a [u8],
    pub(super) session_token: Option<&'a str>,
}

/// Where and when a signature counts.
pub(super) struct Scope<'a> {
    pub(super) service: &'a str,
    pub(super) region: &'a str,
    pub(super) now: Timestamp,
}

/// The headers that sign a request: names in lower case. `headers` are those of the request that
/// are signed too; `host` and `x-amz-date` always are.
pub(super) fn sigv4(
    keys: &AwsKeys<'_>,
    scope: &Scope<'_>,
    method: Method,
    url: &Url,
    headers: &[(&str, &str)],
    body: &[u8],
) -> Vec<(&'static str, String)> {
    let time = scope.now.strftime("%Y%m%dT%H%M%SZ").to_string();
    let day = &time[..8];
    let payload = hex(&Sha256::digest(body));
    let host = match (url.host_str().unwrap_or_default(), url.port()) {
        (host, Some(port)) => format!("{host}:{port}"),
        (host, None) => host.to_owned(),
    };

    let mut added = vec![("x-amz-date", time.clone())];
    if scope.service == "s3" {
        added.push(("x-amz-content-sha256", payload.clone()));
    }
    if let Some(token) = keys.session_token {
        added.push(("x-amz-security-token", token.to_owned()));
    }
    let mut signed: Vec<(String, String)> = vec![("host".to_owned(), host)];
    signed.extend(added.iter().map(|(name, value)| ((*name).to_owned(), value.clone())));
    signed.extend(headers.iter().map(|(n, v)| (n.to_ascii_lowercase(), v.trim().to_owned())));
    signed.sort();
    let names: Vec<&str> = signed.iter().map(|(name, _)| name.as_str()).collect();
    let names = names.join(";");

    // S3 takes the path as it is sent; everyone else wants it encoded once more.
    let path = if scope.service == "s3" { url.path().to_owned() } else { encode(url.path(), true) };
    let mut query: Vec<(String, String)> =
        url.query_pairs().map(|(n, v)| (encode(&n, false), encode(&v, false))).collect();
    query.sort();
    let query: Vec<String> = query.iter().map(|(name, value)| format!("{name}={value}")).collect();
    let mut request = format!("{}\n{path}\n{}\n", method.name(), query.join("&"));
    for (name, value) in &signed {
        request.push_str(&format!("{name}:{value}\n"));
    }
    request.push_str(&format!("\n{names}\n{payload}"));

    let area = format!("{day}/{}/{}/aws4_request", scope.region, scope.service);
    let to_sign =
        format!("AWS4-HMAC-SHA256\n{time}\n{area}\n{}", hex(&Sha256::digest(request.as_bytes())));
    let first = Zeroizing::new([b"AWS4", keys.secret_access_key].concat());
    let mut key = hmac(&first, day.as_bytes());
    for part in [scope.region, scope.service, "aws4_request"] {
        key = hmac(&*key, part.as_bytes());
    }
    let signature = hex(&*hmac(&*key, to_sign.as_bytes()));
    let id = keys.access_key_id;
    added.push((
        "authorization",
        format!(
            "AWS4-HMAC-SHA256 Credential={id}/{area}, SignedHeaders={names}, Signature={signature}"
        ),
    ));
    added
}

/// Percent-encoding as AWS wants it: all but letters, digits and `-._~`, and slashes if told so.
pub(super) fn encode(text: &str, keep_slashes: bool) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) || (keep_slashes && byte == b'/')
        {
            out.push(byte as char);
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

fn hmac(key: &[u8], message: &[u8]) -> Zeroizing<[u8; 32]> {
    // HMAC takes keys of any length, so there is nothing that could fail.
    let Ok(mac) = Hmac::<Sha256>::new_from_slice(key) else { return Zeroizing::new([0; 32]) };
    Zeroizing::new(mac.chain_update(message).finalize().into_bytes().into())
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &[u8] = b"wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";

    fn signature(headers: &[(&str, String)]) -> String {
        let (_, value) = headers.last().unwrap();
        value.rsplit_once("Signature=").unwrap().1.to_owned()
    }

    fn aws(service: &str, url: &str, headers: &[(&str, &str)]) -> String {
        let keys = AwsKeys {
            access_key_id: "AKIDEXAMPLE",
            secret_access_key: SECRET,
            session_token: None,
        };
        let now = "2015-08-30T12:36:00Z".parse().unwrap();
        let scope = Scope { service, region: "us-east-1", now };
        let url = Url::parse(url).unwrap();
        signature(&sigv4(&keys, &scope, Method::Get, &url, headers, b""))
    }

    /// From AWS's published test suite for Signature Version 4 and its IAM example.
    #[test]
    fn aws_known_answers() {
        assert_eq!(
            aws("service", "https://example.amazonaws.com/", &[]),
            "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"
        );
        assert_eq!(
            aws("service", "https://example.amazonaws.com/?Param2=value2&Param1=value1", &[]),
            "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500"
        );
        assert_eq!(
            aws(
                "iam",
                "https://iam.amazonaws.com/?Action=ListUsers&Version=2010-05-08",
                &[("Content-Type", "application/x-www-form-urlencoded; charset=utf-8")]
            ),
            "5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7"
        );
    }

    /// "GET Object" of the S3 documentation's examples.
    #[test]
    fn s3_known_answer() {
        let keys = AwsKeys {
            access_key_id: "AKIAIOSFODNN7EXAMPLE",
            secret_access_key: b"wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
            session_token: None,
        };
        let now = "2013-05-24T00:00:00Z".parse().unwrap();
        let scope = Scope { service: "s3", region: "us-east-1", now };
        let url = Url::parse("https://examplebucket.s3.amazonaws.com/test.txt").unwrap();
        let headers = sigv4(&keys, &scope, Method::Get, &url, &[("Range", "bytes=0-9")], b"");
        assert_eq!(
            signature(&headers),
            "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41"
        );
    }

    /// RFC 7515, appendix A.1.
    #[test]
    fn jws_known_answer() {
        let key = URL_SAFE_NO_PAD
            .decode("AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow")
            .unwrap();
        let header = "{\"typ\":\"JWT\",\r\n \"alg\":\"HS256\"}";
        let claims =
            "{\"iss\":\"joe\",\r\n \"exp\":1300819380,\r\n \"http://example.com/is_root\":true}";
        assert_eq!(
            compact(header, claims, &key),
            "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
        );
    }

    #[test]
    fn a_token_has_the_claims_that_kling_wants() {
        let now: Timestamp = "2026-11-22T00:00:00Z".parse().unwrap();
        let token = jwt("ak", b"sk", now);
        let parts: Vec<Vec<u8>> =
            token.split('.').map(|part| URL_SAFE_NO_PAD.decode(part).unwrap()).collect();
        assert_eq!(parts[0], br#"{"alg":"HS256","typ":"JWT"}"#);
        let claims: serde_json::Value = serde_json::from_slice(&parts[1]).unwrap();
        let second = now.as_second();
        assert_eq!(claims, json!({ "iss": "ak", "exp": second + 1800, "nbf": second - 5 }));
    }

    #[test]
    fn an_arn_in_a_path_is_encoded_twice_for_the_signature() {
        assert_eq!(encode("arn:aws:x/y", false), "arn%3Aaws%3Ax%2Fy");
        assert_eq!(encode("/async-invoke/arn%3Aaws", true), "/async-invoke/arn%253Aaws");
    }
}
