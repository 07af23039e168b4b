package io.spdkio.bdev;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Set;
import java.util.UUID;

class BdevSpecTest {
    @Test
    void memoryAndNullTakeASize() {
        assertThat(BdevSpec.parse("malloc:64MiB")).containsExactly(MallocBdev.of("Malloc0", 64 << 20, 4096));
        UUID uuid = UUID.fromString("01234567-89ab-cdef-0123-456789abcdef");
        assertThat(BdevSpec.parse("malloc:1M?blockSize=512&name=m&boundary=8&uuid=" + uuid))
                .containsExactly(new MallocBdev("m", 1 << 20, 512, Optional.of(uuid), 8));
        assertThat(BdevSpec.parse("null:1T?blockSize=64k")).containsExactly(NullBdev.of("Null0", 1L << 40, 65_536));
    }

    @Test
    void filesTakeAPathAndWhatToDoWithIt() {
        assertThat(BdevSpec.parse("file:/tmp/a,b:c")).containsExactly(AioBdev.of("File0", Path.of("/tmp/a,b:c")));
        assertThat(BdevSpec.parse("uring:/tmp/d%3Fe?size=1M&create=true&blockSize=4k&direct=no&name=f"))
                .containsExactly(
                        new AioBdev(
                                "f",
                                Path.of("/tmp/d?e"),
                                4096,
                                AioBdev.Module.URING,
                                false,
                                false,
                                OptionalLong.of(1 << 20)));
        assertThat(BdevSpec.parse("aio:x+y?readOnly=true"))
                .containsExactly(
                        new AioBdev("File0", Path.of("x+y"), 0, AioBdev.Module.AIO, true, true, OptionalLong.empty()));
    }

    @Test
    void stackedDevicesComeAfterTheirBase() {
        List<BdevSpec> specs =
                BdevSpec.parse(
                        "delay,read=100us,readP99=1.5ms,name=d:error,op=read+write,mode=nomem,rate=0.5,seed=7:passthru:malloc:1M");
        assertThat(specs)
                .containsExactly(
                        MallocBdev.of("Malloc0", 1 << 20),
                        PassthruBdev.over("Passthru_Malloc0", "Malloc0"),
                        new ErrorBdev(
                                "Error_Passthru_Malloc0",
                                "Passthru_Malloc0",
                                List.of(
                                        new ErrorBdev.Injection(
                                                Set.of(IoType.READ, IoType.WRITE),
                                                ErrorBdev.Mode.NOMEM,
                                                Long.MAX_VALUE,
                                                0.5,
                                                7,
                                                0))),
                        new DelayBdev(
                                "d",
                                "Error_Passthru_Malloc0",
                                new DelayBdev.Latencies(
                                        Duration.ofNanos(100_000),
                                        Duration.ofNanos(1_500_000),
                                        Duration.ofNanos(100_000),
                                        Duration.ofNanos(100_000))));
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            textBlock =
                    """
                    malloc                           | it has no kind
                    floppy:1M                        | there is no kind 'floppy'
                    malloc:                          | the size is missing
                    malloc:lots                      | not a size
                    malloc:1000                      | not a positive multiple of the block size 4096
                    malloc:0                         | not a positive multiple
                    malloc:1M?blockSize=513          | not a positive multiple of the block size 513
                    malloc:1M?blocksize=512          | malloc has no option 'blocksize', only name, blockSize, uuid, boundary
                    malloc:1M?name=a&name=b          | given twice
                    malloc:1M?name                   | write option=value
                    malloc:1M?name=                  | 1 to 255 characters
                    malloc:1M?uuid=x                 | option uuid=x
                    malloc,name=x:1M                 | come after a '?'
                    file:                            | the path is missing
                    file:x?create=true               | needs a size
                    file:x?size=1M                   | add create=true
                    file:x?direct=maybe              | write true or false
                    delay,read=fast:malloc:1M        | write a time such as 100us
                    delay,read=2d:malloc:1M          | write a time
                    delay:nothing:1M                 | there is no kind 'nothing'
                    error,op=sing:malloc:1M          | write read, write, unmap or flush
                    error,op=read,rate=2:malloc:1M   | rate 2.0 is not more than 0 and up to 1
                    error,op=read,rate=x:malloc:1M   | write a number
                    error,op=read,count=0:malloc:1M  | at least one I/O
                    passthru:                        | it has no kind
                    """)
    void aWrongSpecSaysWhatIsWrong(String spec, String why) {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> BdevSpec.parse(spec))
                .withMessageContaining("'" + spec + "'")
                .withMessageContaining(why);
    }
}
