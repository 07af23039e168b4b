package io.spdkio.embedded.tck;

import io.spdkio.embedded.blob.format.Images;
import io.spdkio.tck.EngineFixture;
import io.spdkio.tck.PowerCutTck;

import java.lang.foreign.MemorySegment;
import java.util.List;

final class EmbeddedPowerCutTest extends PowerCutTck {
    @Override
    protected EngineFixture fixture() {
        return EmbeddedFixture.INSTANCE;
    }

    @Override
    protected List<String> check(MemorySegment image) {
        return Images.check(image);
    }
}
