//! Traces as a collector receives them, and the message of a build without them.

use crate::{Home, SANDBOX};

#[cfg(not(feature = "otlp"))]
#[test]
fn a_build_without_traces_says_how_to_have_them() {
    let home = Home::new(&format!("{SANDBOX}\n[traces]\nendpoint = \"http://127.0.0.1:4318/v1/traces\""));
    let said = home.run("serve").refused();
    assert!(
        said.contains("`traces.endpoint` needs a build with traces: `cargo build --release --features otlp`"),
        "{said}"
    );
}

#[test]
fn what_makes_no_sense_of_traces_is_named() {
    let home = Home::new(&format!("{SANDBOX}\n[traces]\nendpoint = \"collector:4317\"\nsampled = 1.5"));
    let said = home.run("serve").refused();
    assert!(said.contains("`traces.endpoint` must begin with https:// or http://"), "{said}");
    assert!(said.contains("`traces.sampled` must be from 0 to 1"), "{said}");
}

#[cfg(feature = "otlp")]
mod collected {
    use std::collections::BTreeMap;
    use std::io::{BufRead as _, BufReader, Read as _, Write as _};
    use std::net::{TcpListener, TcpStream};
    use std::process::{Child, Command, Stdio};
    use std::sync::mpsc::{Receiver, Sender, channel};
    use std::thread;
    use std::time::Duration;

    use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
    use opentelemetry_proto::tonic::trace::v1::Span;
    use prost::Message as _;

    use crate::{Home, SANDBOX};

    const PATIENCE: Duration = Duration::from_mins(1);
    const TRACE: u128 = 0x0af7_6519_16cd_43dd_8448_eb21_1c80_319c;
    const PARENT: u64 = 0xb7ad_6b71_6920_3331;

    /// A collector on a port of its own: its address, and what it receives.
    fn collector() -> (String, Receiver<ExportTraceServiceRequest>) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let endpoint = format!("http://{}/v1/traces", listener.local_addr().unwrap());
        let (tell, told) = channel();
        thread::spawn(move || {
            for stream in listener.incoming() {
                let tell = tell.clone();
                thread::spawn(move || collect(&stream.unwrap(), &tell));
            }
        });
        (endpoint, told)
    }

    fn collect(mut stream: &TcpStream, tell: &Sender<ExportTraceServiceRequest>) {
        let mut reader = BufReader::new(stream.try_clone().unwrap());
        loop {
            let mut head = String::new();
            while !head.ends_with("\r\n\r\n") {
                if reader.read_line(&mut head).unwrap_or(0) == 0 {
                    return;
                }
            }
            let head = head.to_ascii_lowercase();
            assert!(head.starts_with("post /v1/traces ") && head.contains("application/x-protobuf"), "{head}");
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap();
            let mut body = vec![0; length.parse().unwrap()];
            reader.read_exact(&mut body).unwrap();
            let _ = tell.send(ExportTraceServiceRequest::decode(body.as_slice()).unwrap());
            stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").unwrap();
        }
    }

    /// A sandbox whose traces go to this collector, and its address.
    fn sandbox(home: &Home, endpoint: &str) -> (Child, String) {
        let mut child = Command::new(env!("CARGO_BIN_EXE_trialgate"))
            .args(["serve"])
            .current_dir(home.path(""))
            .env_clear()
            .envs([("TRIALGATE_TRACES__ENDPOINT", endpoint), ("OTEL_BSP_SCHEDULE_DELAY", "100")])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let address = line.trim().strip_prefix("listening on http://").unwrap().to_owned();
        (child, address)
    }

    fn post(address: &str, path: &str, body: &str) {
        let mut stream = TcpStream::connect(address).unwrap();
        let length = body.len();
        write!(
            stream,
            "POST {path} HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\ncontent-length: {length}\r\nx-request-id: \
             the-request\r\ntraceparent: 00-{TRACE:032x}-{PARENT:016x}-01\r\nconnection: close\r\n\r\n{body}"
        )
        .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    }

    fn attributes(span: &Span) -> BTreeMap<&str, String> {
        let of = |attribute: &opentelemetry_proto::tonic::common::v1::KeyValue| format!("{:?}", attribute.value);
        span.attributes.iter().map(|attribute| (attribute.key.as_str(), of(attribute))).collect()
    }

    /// The client's trace continues through decision and gateway; nothing in it is personal.
    #[test]
    fn a_request_is_a_part_of_its_callers_trace() {
        let home = Home::new(SANDBOX);
        home.run("migrate").done();
        let (endpoint, told) = collector();
        let (mut service, address) = sandbox(&home, &endpoint);
        post(&address, "/apiaccess/rest/ipccprovision/v1/applyTry/generateverifycode", r#"{"phone": "16673280001"}"#);
        rustix::process::kill_process(rustix::process::Pid::from_child(&service), rustix::process::Signal::TERM)
            .unwrap();
        assert!(service.wait().unwrap().success());
        let mut spans = Vec::new();
        let mut services = Vec::new();
        while let Ok(export) = told.recv_timeout(if spans.is_empty() { PATIENCE } else { Duration::ZERO }) {
            for of_resource in export.resource_spans {
                services.extend(of_resource.resource.unwrap().attributes.into_iter().map(|known| format!("{known:?}")));
                spans.extend(of_resource.scope_spans.into_iter().flat_map(|scope| scope.spans));
            }
        }
        assert!(
            services.iter().any(|known| known.contains("service.name") && known.contains("trialgate")),
            "{services:?}"
        );
        let named =
            |name: &str| spans.iter().find(|span| span.name == name).unwrap_or_else(|| panic!("no {name}: {spans:#?}"));

        let request = named("POST /apiaccess/rest/ipccprovision/v1/applyTry/generateverifycode");
        assert_eq!(request.trace_id, TRACE.to_be_bytes());
        assert_eq!(request.parent_span_id, PARENT.to_be_bytes());
        let said = attributes(request);
        for (key, part) in
            [("http.request.method", "POST"), ("http.response.status_code", "200"), ("request_id", "the-request")]
        {
            assert!(said[key].contains(part), "{key}: {said:?}");
        }
        for name in ["wait for the decision", "short message"] {
            let part = named(name);
            assert_eq!((&part.trace_id, &part.parent_span_id), (&request.trace_id, &request.span_id), "{name}");
        }
        assert!(attributes(named("short message"))["gateway"].contains("sandbox"));
        assert!(attributes(named("batch"))["size"].contains('1'), "a batch is a trace of its own");
        assert!(!format!("{spans:?}").contains("6673280001"), "{spans:#?}");
    }
}
