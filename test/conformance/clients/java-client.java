// Publishes, streams and polls with Java's own HttpClient, and exits with 0 once it saw what it published.
// java java-client.java <url> <ticket> <publish key> <channel>

import java.io.*;
import java.net.URI;
import java.net.http.*;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.charset.StandardCharsets;

class JavaClient {
  // As Spring makes it too: it offers to go on with HTTP/2 with each request.
  static final HttpClient client = HttpClient.newHttpClient();
  static String base;

  static HttpRequest post(String path, String bearer, HttpRequest.BodyPublisher body) {
    return HttpRequest.newBuilder(URI.create(base + path)).header("Authorization", "Bearer " + bearer)
        .header("Content-Type", "application/json").POST(body).build();
  }

  static HttpRequest post(String path, String bearer, String body) {
    return post(path, bearer, HttpRequest.BodyPublishers.ofString(body));
  }

  static void until(BufferedReader lines, String text) throws IOException {
    for (String line = lines.readLine(); line != null; line = lines.readLine()) if (line.contains(text)) return;
    throw new IllegalStateException("the stream ended before " + text);
  }

  static void require(HttpResponse<?> answer) {
    if (answer.statusCode() != 200) throw new IllegalStateException(answer.uri() + " " + answer.statusCode() + " " + answer.body());
  }

  public static void main(String[] args) throws Exception {
    base = args[0];
    String ticket = args[1], key = args[2], channel = args[3];
    var stream = client.send(post("/v1/stream", ticket, "{\"channels\":{\"" + channel + "\":\"now\"}}"), BodyHandlers.ofInputStream());
    require(stream);
    var lines = new BufferedReader(new InputStreamReader(stream.body(), StandardCharsets.UTF_8));
    until(lines, "\"type\":\"subscribed\"");
    require(client.send(post("/v1/publish", key, "{\"channel\":\"" + channel + "\",\"data\":1}"), BodyHandlers.ofString()));
    until(lines, "\"data\":1}");
    // Of a length that it does not know: it goes in chunks.
    byte[] second = ("{\"channel\":\"" + channel + "\",\"data\":2}").getBytes(StandardCharsets.UTF_8);
    var chunks = HttpRequest.BodyPublishers.ofInputStream(() -> new ByteArrayInputStream(second));
    require(client.send(post("/v1/publish", key, chunks), BodyHandlers.ofString()));
    until(lines, "\"data\":2}");
    var polled = client.send(post("/v1/poll", ticket, "{\"channels\":{\"" + channel + "\":\"-1\"},\"waitMs\":0}"), BodyHandlers.ofString());
    require(polled);
    if (!polled.body().matches(".*\"data\":1}.*\"data\":2}.*")) throw new IllegalStateException(polled.body());
    System.exit(0);
  }
}
