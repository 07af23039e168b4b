package io.spdkio.examples;

import java.util.Map;

class EmbeddedExamplesTest extends ExamplesTest {
    EmbeddedExamplesTest() {
        super(Map.of("spdkio.engine", "embedded"));
    }
}
