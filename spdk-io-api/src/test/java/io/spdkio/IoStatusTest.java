package io.spdkio;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class IoStatusTest {
    @Test
    void anNvmeStatusKeepsItsTypeAndCode() {
        int status = IoStatus.nvme(2, 0x85);
        assertThat(status).isEqualTo(IoStatus.MISCOMPARE);
        assertThat(IoStatus.isNvme(status)).isTrue();
        assertThat(IoStatus.nvmeType(status)).isEqualTo(2);
        assertThat(IoStatus.nvmeCode(status)).isEqualTo(0x85);
        assertThat(IoStatus.describe(status)).isEqualTo("NVMe status 2/85h (compare failure)");
        assertThatIllegalArgumentException().isThrownBy(() -> IoStatus.nvme(8, 0));
        assertThatIllegalArgumentException().isThrownBy(() -> IoStatus.nvme(0, 256));
    }

    @Test
    void anErrnoIsItsOwnNegation() {
        assertThat(IoStatus.isNvme(-Errno.ENOSPC)).isFalse();
        assertThat(IoStatus.nvmeType(-Errno.ENOSPC)).isZero();
        assertThat(IoStatus.errno(-Errno.ENOSPC)).isEqualTo(28);
        assertThat(IoStatus.describe(-Errno.ENOSPC)).isEqualTo("ENOSPC");
        assertThat(IoStatus.describe(-4711)).isEqualTo("errno 4711");
        assertThat(IoStatus.describe(0)).isEqualTo("success");
    }

    @Test
    void everyStatusHasTheExceptionThatCallersHandle() {
        assertThat(SpdkException.of("x", IoStatus.ABORTED)).isInstanceOf(SpdkException.Cancelled.class);
        assertThat(SpdkException.of("x", -Errno.ECANCELED)).isInstanceOf(SpdkException.Cancelled.class);
        assertThat(SpdkException.of("x", -Errno.ENOMEM)).isInstanceOf(SpdkException.NoMemory.class);
        assertThat(SpdkException.of("x", -Errno.ETIMEDOUT)).isInstanceOf(SpdkException.TimedOut.class);
        assertThat(SpdkException.of("x", -Errno.ENODEV)).isInstanceOf(SpdkException.NotFound.class);
        assertThat(SpdkException.of("x", -Errno.EEXIST)).isInstanceOf(SpdkException.AlreadyExists.class);
        assertThat(SpdkException.of("x", -Errno.EPERM)).isInstanceOf(SpdkException.Busy.class);
        assertThat(SpdkException.of("x", -Errno.EOPNOTSUPP)).isInstanceOf(SpdkException.Unsupported.class);
        assertThat(SpdkException.of("x", -Errno.ENOSPC))
                .isInstanceOf(SpdkException.IoFailed.class)
                .hasMessageContaining("free space");
    }

    @ParameterizedTest
    @ValueSource(ints = {IoStatus.INTERNAL_ERROR, IoStatus.MISCOMPARE, -5, -28, 0x281})
    void anExceptionSaysWhatWasDoneAndWhatCameBack(int status) {
        SpdkException e = SpdkException.of("read of 4,096 bytes at offset 0 on 'm0'", status);
        assertThat(e).hasMessageStartingWith("read of 4,096 bytes at offset 0 on 'm0': " + IoStatus.describe(status));
        assertThat(e.status()).isEqualTo(status);
        assertThat(e.errno()).isEqualTo(IoStatus.errno(status));
    }
}
