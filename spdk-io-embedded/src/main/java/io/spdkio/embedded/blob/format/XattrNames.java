package io.spdkio.embedded.blob.format;

import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;

/**
 * The names of attributes are bytes; in here they are strings with a character for each byte, so that whatever is on
 * the device comes back as it was. Outside they are text, UTF-8 on the device.
 */
public final class XattrNames {
    private XattrNames() {}

    /**
     * The bytes of a name.
     *
     * @param text the name as text
     * @return a character for each byte
     */
    public static String fromText(String text) {
        return ofBytes(text.getBytes(StandardCharsets.UTF_8));
    }

    /**
     * A name as text.
     *
     * @param name a character for each byte
     * @return the text; what is not UTF-8 is taken for ISO 8859-1
     */
    public static String toText(String name) {
        try {
            return StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(bytes(name))).toString();
        } catch (CharacterCodingException e) {
            return name;
        }
    }

    static String ofBytes(byte[] bytes) {
        return new String(bytes, StandardCharsets.ISO_8859_1);
    }

    static byte[] bytes(String name) {
        return name.getBytes(StandardCharsets.ISO_8859_1);
    }
}
