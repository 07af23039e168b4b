package io.spdkio.embedded.file;

import io.spdkio.embedded.file.FileEngine.Method;

class ChannelFileRingTest extends AbstractFileRingTest {

    @Override
    Method method() {
        return Method.FILE_CHANNEL;
    }
}
