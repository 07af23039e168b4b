package io.spdkio.embedded.tck;

import io.spdkio.embedded.file.FileEngine;
import io.spdkio.tck.EngineFixture;
import io.spdkio.tck.FileBlockIoTck;

final class EmbeddedFileBlockIoWithThreadsTest extends FileBlockIoTck {
    @Override
    protected EngineFixture fixture() {
        return EmbeddedFixture.with(FileEngine.Method.THREADS);
    }
}
