// The channel of a user whose token has this sub, where tokens grant user:${sub}: java UserChannel.java channel <sub>
import java.nio.charset.StandardCharsets;

public class UserChannel {
  static String userChannel(String sub) {
    StringBuilder escaped = new StringBuilder("user:");
    for (byte one : sub.getBytes(StandardCharsets.UTF_8)) {
      char letter = (char) (one & 0xff);
      boolean isPlain = letter < 0x80 && (Character.isLetterOrDigit(letter) || "_.@+~-".indexOf(letter) >= 0);
      escaped.append(isPlain ? String.valueOf(letter) : String.format("=%02X", one & 0xff));
    }
    return escaped.toString();
  }

  public static void main(String[] args) {
    System.out.println('"' + userChannel(args[1]) + '"');
  }
}
