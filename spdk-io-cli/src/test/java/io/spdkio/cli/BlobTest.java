package io.spdkio.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assumptions.assumeThat;

import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Random;
import java.util.stream.Stream;

/** Each blob command on a store in a file. */
class BlobTest {
    private static final int MIB = 1 << 20;

    @TempDir private Path folder;
    private Path image;

    @BeforeEach
    void makeAStore() {
        image = folder.resolve("store.img");
        Ran.with("blob", "init", "--bdev", "file:" + image + "?size=32MiB&create=true", "--type", "test").succeeded();
    }

    private String[] line(String command, String... args) {
        return Stream.of(
                        Stream.of("blob"),
                        Stream.of(command.split(" ")),
                        Stream.of("--bdev", "file:" + image),
                        Stream.of(args))
                .flatMap(words -> words)
                .toArray(String[]::new);
    }

    private Ran blob(String command, String... args) {
        return Ran.with(line(command, args));
    }

    private String create(String... args) {
        return blob("create", args).succeeded().out().strip();
    }

    private Path random(String name, int size) throws IOException {
        byte[] bytes = new byte[size];
        new Random(size).nextBytes(bytes);
        return Files.write(folder.resolve(name), bytes);
    }

    private JsonNode json(String command, String... args) {
        return JsonMapper.shared().readTree(blob(command, args).succeeded().out());
    }

    private void sound() {
        assertThat(blob("check").succeeded().out()).isEqualTo("nothing is wrong" + System.lineSeparator());
    }

    // ---- the store

    @Test
    void initSaysWhatItMadeAndLoadSaysItAgain() {
        Ran again = blob("init", "--force", "--cluster-size", "256k", "--metadata-pages", "20", "--type", "photos");

        assertThat(again.succeeded().out()).contains("'photos'", "256 KiB", "127 for data", "clean");
        assertThat(blob("load", "--type", "photos").succeeded().out())
                .contains("'photos'", "127 clusters", "31.8 MiB", "super blob", "clean");
        JsonNode json = json("load", "--json");
        assertThat(json.get("clusterSizeBytes").intValue()).isEqualTo(256 << 10);
        assertThat(json.get("freeClusters").intValue()).isEqualTo(127);
        assertThat(json.get("wasClean").booleanValue()).isTrue();
        sound();
    }

    @Test
    void initDoesNotOverwriteAStoreUnasked() {
        String id = create("--clusters", "1");

        blob("init").endedWith(1, "already", "--force");

        assertThat(blob("ls").succeeded().out()).contains(id);
    }

    @Test
    void aStoreOfAnotherTypeIsRefused() {
        blob("load", "--type", "other").endedWith(1, "'test'", "'other'");
    }

    @Test
    void aDeviceWithoutAStoreIsRefused() {
        for (String command : new String[] {"ls", "load", "check", "show"}) {
            Ran.with("blob", command, "--bdev", "malloc:1MiB").endedWith(1, "no blobstore", "spdk-io blob init");
        }
    }

    @Test
    void aDeviceThatIsTooSmallIsRefused() {
        Ran.with("blob", "init", "--bdev", "malloc:64KiB").endedWith(1, "65,536 bytes", "smaller");
        Ran.with("blob", "ls", "--bdev", "malloc:2KiB?blockSize=512").endedWith(1, "no blobstore");
    }

    @Test
    void aDeviceThatCanOnlyBeReadIsCheckedButNotLoaded() {
        String device = "file:" + image + "?readOnly=true";

        Ran.with("blob", "ls", "--bdev", device).endedWith(1, "can only be read", "check");
        Ran.with("blob", "check", "--bdev", device).succeeded();
    }

    @Test
    void aFileWithoutPermissionIsOneLine() {
        assumeThat(System.getProperty("user.name")).as("permissions do not hold for root").isNotEqualTo("root");
        assertThat(image.toFile().setReadable(false)).isTrue();

        blob("ls").endedWith(1, "permission");
    }

    // ---- blobs

    @Test
    void createPrintsAnIdThatEveryCommandTakes() {
        String id = create("--size", "1500k", "--name", "disk", "--xattr", "owner=me");

        assertThat(id).matches("0x[0-9a-f]+");
        for (String name : new String[] {id, "disk"}) {
            assertThat(blob("show", name).succeeded().out())
                    .contains(id, "disk", "thick", "2 clusters", "0 to 1", "owner", "'me'");
        }
        JsonNode shown = json("show", id, "--json");
        assertThat(shown.get("sizeBytes").intValue()).isEqualTo(2 * MIB);
        assertThat(shown.get("xattrs").get(1).get("text").stringValue()).isEqualTo("me");
        sound();
    }

    @Test
    void aNameIsTakenOnceAndMustBeOne() {
        String id = create("--size", "1M", "--name", "disk");

        blob("create", "--size", "1M", "--name", "disk").endedWith(1, id, "choose another");
        blob("create", "--size", "1M", "--name", "0x12").endedWith(2, "--name");
        blob("create", "--size", "1M", "--name", "a\tb").endedWith(2, "--name");
        blob("create", "--size", "1M", "--name", "a", "--xattr", "name=b").endedWith(2, "leave one out");
        blob("show", "nobody").endedWith(1, "no blob named 'nobody'", "ls");
        blob("show", "0x77").endedWith(1, "0x77");
    }

    @Test
    void aNameThatTwoBlobsHaveIsNoName() {
        String first = create("--clusters", "0", "--xattr", "name=twin");
        String second = create("--clusters", "0", "--xattr", "name=twin");

        blob("rm", "twin").endedWith(1, first, second, "give the id");
        blob("rm", first).succeeded();
        blob("rm", "twin").succeeded();
        assertThat(blob("ls").succeeded().out()).contains("0 blobs");
    }

    @ParameterizedTest
    @ValueSource(ints = {40, 60, 80})
    void lsListsEverythingInAnyWidth(int columns) {
        String thick = create("--size", "3M", "--name", "a name that is longer than fits a narrow terminal");
        String thin = create("--size", "5M", "--thin");
        String snapshot = blob("snapshot", thin).succeeded().out().strip();

        Ran ran = Ran.inColumns(columns, line("ls")).succeeded();

        assertThat(ran.out()).contains(thick, thin, snapshot, "clone", "snapshot", "3 MiB", "5 MiB", "a name");
        assertThat(ran.out()).contains("3 blobs, 28 MiB of 31 MiB free");
        assertThat(ran.out().lines()).allSatisfy(line -> assertThat(line.length()).isLessThanOrEqualTo(columns));
        for (String command : new String[] {"load", "dump", "show"}) {
            assertThat(Ran.inColumns(columns, line(command)).succeeded().out().lines())
                    .filteredOn(line -> !line.contains("/"))
                    .allSatisfy(line -> assertThat(line.length()).isLessThanOrEqualTo(columns));
        }
    }

    @Test
    void lsAsJsonTellsTheWholeFamily() {
        String disk = create("--size", "2M", "--thin", "--name", "disk");
        String snapshot = blob("snapshot", "disk", "--name", "monday").succeeded().out().strip();
        String clone = blob("clone", "monday", "--xattr", "for=tests").succeeded().out().strip();

        JsonNode json = json("ls", "--json");

        assertThat(json.get("blobCount").intValue()).isEqualTo(3);
        JsonNode blobs = json.get("blobs");
        assertThat(blobs.get(0).get("id").stringValue()).isEqualTo(disk);
        assertThat(blobs.get(0).get("parent").stringValue()).isEqualTo(snapshot);
        assertThat(blobs.findValuesAsString("name")).contains("disk", "monday", "for");
        JsonNode parent =
                blobs.values().stream()
                        .filter(b -> b.get("id").stringValue().equals(snapshot))
                        .findFirst()
                        .orElseThrow();
        assertThat(parent.get("readOnly").booleanValue()).isTrue();
        assertThat(parent.get("clones").values().stream().map(JsonNode::stringValue))
                .containsExactlyInAnyOrder(disk, clone);
        sound();
    }

    @Test
    void resizeGrowsAndShrinks() {
        create("--size", "2M", "--name", "disk");

        assertThat(blob("resize", "disk", "--size", "5M").succeeded().out()).contains("5 clusters");
        assertThat(json("show", "disk", "--json").get("allocatedClusters").intValue()).isEqualTo(5);
        assertThat(blob("resize", "disk", "--clusters", "1").succeeded().out()).contains("1 cluster,");
        blob("resize", "disk", "--size", "1G").endedWith(1, "30 free clusters", "ENOSPC");
        assertThat(json("load", "--json").get("freeClusters").intValue()).isEqualTo(30);
        sound();
    }

    @Test
    void rmDeletesAllOrFindsOutBefore() {
        String first = create("--size", "1M", "--name", "first");
        create("--size", "1M", "--name", "second");

        blob("rm", "first", "third").endedWith(1, "third");
        assertThat(blob("ls").out()).contains(first);
        blob("rm", "first", "second", "first").succeeded();
        assertThat(blob("ls").succeeded().out()).contains("0 blobs, 31 MiB of 31 MiB free");
        sound();
    }

    @Test
    void aFullStoreIsOneLineAndStaysSound() {
        create("--size", "30M");

        blob("create", "--size", "2M").endedWith(1, "1 free cluster", "ENOSPC");
        create("--size", "1M");
        sound();
    }

    // ---- reading and writing

    @ParameterizedTest
    @CsvSource({"0, 29", "512, 512", "1048064, 1000", "4096, 1048576", "0, 3145728"})
    void whatIsWrittenIsReadFromAnyRange(int offset, int length) {
        create("--size", "3M", "--name", "disk");
        byte[] before = new byte[3 * MIB];
        Arrays.fill(before, (byte) 'x');
        Ran.reading(before, line("write", "disk")).succeeded();
        byte[] bytes = new byte[Math.min(length, 3 * MIB - offset)];
        new Random(length).nextBytes(bytes);

        Ran.reading(bytes, line("write", "disk", "--offset", "" + offset, "--length", "" + length)).succeeded();

        System.arraycopy(bytes, 0, before, offset, bytes.length);
        assertThat(blob("read", "disk", "--qd", "3").succeeded().bytes()).isEqualTo(before);
        assertThat(blob("read", "disk", "--offset", "" + offset, "--length", "" + bytes.length).bytes())
                .isEqualTo(bytes);
    }

    @Test
    void filesTakeTheStreamsPlace() throws IOException {
        create("--size", "3M", "--thin", "--name", "disk");
        Path input = random("input", 1_000_001);
        Path output = folder.resolve("output");

        assertThat(blob("write", "disk", "--if", "" + input, "--offset", "1M").succeeded().out())
                .startsWith("1,000,001 bytes");
        blob("read", "disk", "--of", "" + output, "--offset", "1M", "--length", "1000001").succeeded();

        assertThat(output).hasSameBinaryContentAs(input);
        sound();
    }

    @Test
    void whatDoesNotFitIsRefused() throws IOException {
        create("--size", "1M", "--name", "disk");
        Path input = random("input", 2 * MIB);

        blob("write", "disk", "--if", "" + input).endedWith(1, "room for 1,048,576", "resize");
        Ran.reading(new byte[2 * MIB], line("write", "disk")).endedWith(1, "longer than disk", "resize");
        blob("write", "disk", "--if", "" + input, "--offset", "1M").endedWith(1, "room for 0");
        blob("write", "disk", "--if", "" + input, "--offset", "100").endedWith(2, "I/O unit", "--offset 0");
        blob("read", "disk", "--offset", "1M", "--length", "1").endedWith(1, "read less");
        blob("read", "disk", "--of", "" + image).endedWith(2, "store lies on");
        blob("write", "disk", "--if", "" + folder.resolve("absent")).endedWith(1, "absent");
        sound();
    }

    @Test
    void aSnapshotIsNotWritten() {
        create("--size", "1M", "--name", "disk");
        blob("snapshot", "disk", "--name", "monday").succeeded();

        Ran.reading(new byte[512], line("write", "monday")).endedWith(1, "only be read", "clone");
        blob("resize", "monday", "--clusters", "0").endedWith(1, "");
    }

    // ---- files in and out

    @ParameterizedTest
    @ValueSource(ints = {0, 1, 511, 512, 4097, 1_048_576, 5_000_003})
    void importAndExportGiveTheSameFile(int size) throws IOException {
        Path input = random("input", size);
        for (String thickness : new String[] {"", "--thin"}) {
            String name = "blob" + thickness;
            String[] args = {"" + input, "--name", name, "--verify", thickness};
            Ran ran = blob("import", Arrays.copyOf(args, thickness.isEmpty() ? 4 : 5)).succeeded();
            assertThat(ran.out()).startsWith("0x").contains("verified");
            Path output = random("output", 6_000_000);

            blob("export", name, "" + output, "--verify").succeeded();

            assertThat(output).hasSameBinaryContentAs(input);
            assertThat(blob("export", name, "-").succeeded().bytes()).isEqualTo(Files.readAllBytes(input));
            blob("export", name, "" + output, "--whole").succeeded();
            byte[] whole = Arrays.copyOf(Files.readAllBytes(input), Math.ceilDiv(size, MIB) * MIB);
            assertThat(output).hasBinaryContent(whole);
        }
        sound();
    }

    @Test
    void aThickImportDoesNotShowWhatWasThereBefore() throws IOException {
        create("--size", "31M", "--name", "old");
        byte[] secret = new byte[31 * MIB];
        Arrays.fill(secret, (byte) 's');
        Ran.reading(secret, line("write", "old")).succeeded();
        blob("rm", "old").succeeded();
        Ran.reading("short".getBytes(StandardCharsets.UTF_8), line("import", "-", "--size", "2M", "--name", "new"))
                .succeeded();

        byte[] whole = blob("export", "new", "-", "--whole").succeeded().bytes();

        assertThat(new String(whole, StandardCharsets.UTF_8).replace("\0", "")).isEqualTo("short");
        assertThat(blob("export", "new", "-").bytes()).hasSize(5);
    }

    @Test
    void aThinImportAllocatesOnlyWhatIsNotZero() throws IOException {
        byte[] bytes = new byte[9 * MIB];
        bytes[4 * MIB + 7] = 1;
        Path input = Files.write(folder.resolve("sparse"), bytes);

        blob("import", "" + input, "--thin", "--name", "sparse", "--verify").succeeded();

        assertThat(json("show", "sparse", "--json").get("allocatedClusters").intValue()).isEqualTo(1);
        assertThat(blob("show", "sparse").out()).containsPattern("own clusters +4\\R");
    }

    @Test
    void anImportThatFailsLeavesNoBlob() throws IOException {
        Path input = random("input", 20 * MIB);
        create("--size", "20M", "--name", "disk");

        blob("import", "" + input).endedWith(1, "ENOSPC");
        blob("import", "" + input, "--thin").endedWith(1, "ENOSPC");
        blob("import", "" + folder.resolve("absent")).endedWith(1, "absent");
        blob("import", "" + input, "--size", "1M").endedWith(2, "--size");
        blob("import", "" + input, "--name", "disk").endedWith(1, "already");

        assertThat(blob("ls").succeeded().out()).contains("1 blob, 11 MiB of 31 MiB free");
        sound();
    }

    @Test
    void aSnapshotExportsWhatItsBlobWas() throws IOException {
        Path input = random("input", 700_000);
        blob("import", "" + input, "--name", "disk").succeeded();
        blob("snapshot", "disk", "--name", "monday").succeeded();
        Ran.reading(new byte[800_000], line("write", "disk")).succeeded();
        blob("clone", "monday", "--name", "copy").succeeded();

        assertThat(blob("export", "monday", "-").bytes()).isEqualTo(Files.readAllBytes(input));
        assertThat(blob("export", "copy", "-").bytes()).isEqualTo(Files.readAllBytes(input));
        assertThat(blob("export", "disk", "-").bytes()).isEqualTo(new byte[800_000]);
        sound();
    }

    // ---- snapshots, clones

    @Test
    void aCloneCanBeInflatedOrDecoupled() throws IOException {
        Path input = random("input", 3 * MIB);
        blob("import", "" + input, "--name", "disk").succeeded();
        blob("snapshot", "disk", "--name", "monday").succeeded();
        blob("clone", "monday", "--name", "thick").succeeded();
        blob("clone", "monday", "--name", "alone").succeeded();
        blob("rm", "monday").endedWith(1, "3 clones", "inflate");

        blob("inflate", "thick").succeeded();
        blob("decouple", "alone").succeeded();
        blob("rm", "monday").succeeded();

        assertThat(json("show", "thick", "--json").get("kind").stringValue()).isEqualTo("thick");
        assertThat(json("show", "alone", "--json").get("kind").stringValue()).isEqualTo("thin");
        for (String name : new String[] {"disk", "thick", "alone"}) {
            assertThat(blob("export", name, "-").bytes()).isEqualTo(Files.readAllBytes(input));
        }
        blob("decouple", "alone").endedWith(1, "parent");
        sound();
    }

    @Test
    void onlyAReadOnlyBlobIsCloned() {
        create("--size", "1M", "--name", "disk");

        blob("clone", "disk").endedWith(1, "snapshot");
    }

    // ---- attributes

    @Test
    void attributesAreSetGotListedAndRemoved() {
        create("--size", "1M", "--name", "disk");
        byte[] binary = {0, 1, (byte) 0xff, 10};

        blob("xattr set", "disk", "owner", "mé").succeeded();
        Ran.reading(binary, line("xattr set", "disk", "key", "--stdin")).succeeded();

        assertThat(blob("xattr get", "disk", "owner").succeeded().bytes())
                .isEqualTo("mé".getBytes(StandardCharsets.UTF_8));
        assertThat(blob("xattr get", "disk", "key").succeeded().bytes()).isEqualTo(binary);
        assertThat(blob("xattr ls", "disk").succeeded().out()).contains("'disk'", "owner", "'mé'", "hex 0001ff0a");
        assertThat(json("show", "disk", "--json").findValuesAsString("base64")).containsExactly("AAH/Cg==");
        blob("xattr rm", "disk", "key").succeeded();
        blob("xattr rm", "disk", "key").endedWith(1, "no attribute 'key'", "xattr ls");
        blob("xattr get", "disk", "key").endedWith(1, "no attribute 'key'");
        Ran.reading(new byte[5000], line("xattr set", "disk", "long", "--stdin")).endedWith(1, "long");
        blob("xattr set", "disk", "", "x").endedWith(1, "empty");
        sound();
    }

    @Test
    void whatOthersWroteDoesNotReachTheTerminal() {
        create("--size", "1M", "--xattr", "name=\u001b[31mred", "--xattr", "\u001b[2J=\u001b]0;title\u0007");

        for (String command : new String[] {"ls", "dump"}) {
            assertThat(blob(command).succeeded().out()).doesNotContain("\u001b", "\u0007");
        }
        assertThat(blob("show", "0x100000000").succeeded().out()).doesNotContain("\u001b", "\u0007");
        assertThat(blob("xattr ls", "0x100000000").succeeded().out()).doesNotContain("\u001b", "\u0007");
    }

    // ---- the page

    @Test
    void thePageHasTheMapAndTheFamilyAndNothingFromElsewhere() throws IOException {
        String disk = create("--size", "3M", "--thin", "--name", "</script><b>disk");
        Ran.reading(new byte[MIB], line("write", disk, "--offset", "1M")).succeeded();
        String snapshot = blob("snapshot", disk).succeeded().out().strip();
        Path page = folder.resolve("page.html");

        assertThat(blob("show", disk, "--html", "" + page).succeeded().out()).contains("page");

        String html = Files.readString(page);
        assertThat(html).contains("\"selected\":\"" + disk, "\"parent\":\"" + snapshot);
        // Its cluster 1 is the snapshot's, the second blob by id; in the store that is cluster 1, behind the metadata.
        assertThat(html).contains("\"blob\":{\"clusters\":3,\"perCell\":1,\"runs\":[-1,0,1,1,1,1,-1,0,1]}");
        assertThat(html).contains("\"store\":{\"clusters\":32,\"perCell\":1,\"runs\":[-2,1,1,1,1,1,-1,0,30]}");
        assertThat(html).doesNotContain("</script><b>", "http://", "https://", "{{");
        assertThat(html.split("</script>", -1)).hasSize(2);
    }
}
