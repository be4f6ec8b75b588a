# Varnish as a cache of public channels: whoever reads one of them by its URL at the same position is one request at a node.
# It stands in front of the nodes, behind whatever ends TLS; nodes are started with FANFARE_TRUSTED_PROXIES=127.0.0.1.
# Nodes drop idle connections after 10 s: start it with `-p backend_idle_timeout=8`.
# What to replace: the addresses of the nodes. What is not public passes through, and is kept for nobody.

vcl 4.1;

import directors;
import std;

backend first {
  .host = "127.0.0.1";
  .port = "8081";
  # Longer than the longest wait, which is 21 s, and than a stream's silence.
  .first_byte_timeout = 75s;
  .between_bytes_timeout = 75s;
}

backend second {
  .host = "127.0.0.1";
  .port = "8082";
  .first_byte_timeout = 75s;
  .between_bytes_timeout = 75s;
}

sub vcl_init {
  new nodes = directors.round_robin();
  nodes.add_backend(first);
  nodes.add_backend(second);
}

sub vcl_recv {
  set req.backend_hint = nodes.backend();
  if (req.url !~ "^/v1/channels/") {
    return (synth(404));
  }
  # Varnish has written who asks it behind what came: that is the proxy that ends TLS, or whoever it is. Nodes are to see who asked the proxy,
  # else all who read had the limits of one address.
  set req.http.X-Forwarded-For = regsub(req.http.X-Forwarded-For, "^.*?([^, ]*)(, *127\.0\.0\.1)?$", "\1");
  unset req.http.Forwarded;
  # Nothing that is public depends on one.
  unset req.http.Cookie;
  # What may be shared: a GET without a token that names a position, or none. Streams, and `now`, are each client's own; they
  # must not wait for each other either.
  if (req.method != "GET" || req.http.Authorization) {
    return (pass);
  }
  if (req.url ~ "[?&]live=" && req.url !~ "[?&]live=long-poll(&|$)") {
    return (pass);
  }
  if (req.url ~ "[?&]offset=" && req.url !~ "[?&]offset=[0-9-]+(&|$)") {
    return (pass);
  }
  return (hash);
}

sub vcl_hash {
  hash_data(req.url);
  return (lookup);
}

sub vcl_backend_response {
  # Nothing that is too old, not even while a node is away.
  set beresp.grace = 0s;
  set beresp.keep = 0s;
  if (beresp.status == 503 && bereq.retries == 0 && bereq.method == "GET") {
    return (retry);
  }
  if (beresp.http.Cache-Control !~ "^public,") {
    # Whoever asks the same within a second does not wait for another to be refused.
    set beresp.uncacheable = true;
    set beresp.ttl = 1s;
  }
  return (deliver);
}

sub vcl_backend_error {
  if (bereq.retries == 0 && bereq.method == "GET") {
    return (retry);
  }
}

sub vcl_deliver {
  if (obj.hits > 0) {
    set resp.http.X-Cache = "HIT";
  } else {
    set resp.http.X-Cache = "MISS";
  }
  return (deliver);
}
