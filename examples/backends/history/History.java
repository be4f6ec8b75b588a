// What a channel holds, for a page that goes on from there: java History.java <URL of a node> <channel> <last>
import java.net.URI;
import java.net.URLEncoder;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.time.Duration;

public class History {
  /** The last messages, a JSON array, and the offset behind them: what a browser subscribes `after`. The key has the right to read. */
  record Page(String messages, String after) {}

  static Page history(String base, String channel, int last) throws Exception {
    // A form writes a space as a plus, which a path does not.
    String name = URLEncoder.encode(channel, StandardCharsets.UTF_8).replace("+", "%20");
    HttpRequest request = HttpRequest.newBuilder(URI.create(base + "/v1/channels/" + name + "?last=" + last))
        .header("Authorization", "Bearer " + System.getenv("FANFARE_PUBLISH_KEY")).timeout(Duration.ofSeconds(10)).build();
    HttpResponse<String> answer = HttpClient.newHttpClient().send(request, HttpResponse.BodyHandlers.ofString());
    if (answer.statusCode() != 200) throw new IllegalStateException(channel + ": " + answer.statusCode() + " " + answer.body());
    return new Page(answer.body(), answer.headers().firstValue("Stream-Next-Offset").orElseThrow());
  }

  public static void main(String[] args) throws Exception {
    Page page = history(args[0], args[1], Integer.parseInt(args[2]));
    System.out.println("{\"messages\":" + page.messages() + ",\"after\":\"" + page.after() + "\"}");
  }
}
