package io.spdkio.sys;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;

/** What goes wrong, and whether the one line that is left of it says what to do. A script plays pkg-config and cc. */
@EnabledOnOs(value = OS.LINUX, disabledReason = "SPDK is linked on Linux only")
class NativeLinkerTest {
    @TempDir private Path folder;

    @Test
    void aMissingPkgConfigIsNamedWithItsPackage() {
        Map<String, String> environment = Map.of("PKG_CONFIG", "/nonexistent/pkg-config", "SPDK_DIR", "");
        assertThatThrownBy(() -> SpdkInstallation.find(environment))
                .isInstanceOf(NativeException.class)
                .hasMessageContaining("pkg-config was not found; apt-get install pkg-config (Debian, Ubuntu)")
                .hasMessageContaining("dnf install pkgconf-pkg-config (Fedora)");
    }

    @Test
    void aFolderWithoutSpdkIsNamed() {
        assertThatThrownBy(() -> SpdkInstallation.in(folder))
                .isInstanceOf(NativeException.class)
                .hasMessageContaining("there is no SPDK in " + folder);
    }

    @Test
    void anSpdkThatIsTooOldIsRefusedWithBothVersions() throws IOException {
        Map<String, String> environment = install(23, 9);
        assertThatThrownBy(() -> SpdkInstallation.in(folder, environment))
                .isInstanceOf(NativeException.class)
                .hasMessageContaining("SPDK v23.09 in " + folder + " is too old; v24.09 or newer is needed");
    }

    @Test
    void missingHeadersAreNamed() throws IOException {
        Map<String, String> environment = install(26, 1);
        Files.delete(folder.resolve("include/spdk/version.h"));
        assertThatThrownBy(() -> SpdkInstallation.in(folder, environment))
                .isInstanceOf(NativeException.class)
                .hasMessageContaining("its headers are not");
    }

    @Test
    void spdkDirComesBeforeAllOthers() throws IOException {
        Map<String, String> environment = new java.util.HashMap<>(install(25, 9));
        environment.put("SPDK_DIR", folder.toString());
        SpdkInstallation found = SpdkInstallation.find(environment);
        assertThat(found.version()).isEqualTo("25.09");
        assertThat(found.folder()).isEqualTo(folder);
        assertThat(found.modules()).containsExactly("bdev", "env_dpdk");
    }

    @Test
    void versionsCompareAsNumbers() {
        assertThat(SpdkInstallation.older("24.05", "24.09")).isTrue();
        assertThat(SpdkInstallation.older("24.09", "24.09")).isFalse();
        assertThat(SpdkInstallation.older("26.01.1", "24.09")).isFalse();
        assertThat(SpdkInstallation.older("9.12", "24.09")).isTrue();
    }

    @Test
    void packagesAreNamedForLibrariesAndHeaders() {
        assertThat(Packages.install("numa")).contains("libnuma-dev", "numactl-devel");
        assertThat(Packages.install("libnuma.so.1")).contains("libnuma1", "numactl-libs");
        assertThat(Packages.install("something")).isEqualTo("install the package that has it");
        assertThat(Packages.installHeader("uuid/uuid.h")).contains("uuid-dev");
        assertThat(Packages.installHeader("spdk/bdev.h")).contains("make install");
        assertThat(Packages.missingLibrary("libaio.so.1: cannot open shared object file: No such file or directory"))
                .isEqualTo("libaio.so.1");
    }

    @Test
    void aMissingCompilerIsNamedWithItsPackage() throws Exception {
        Child child = link(Map.of("CC", "/nonexistent/cc")).failed();
        assertThat(child.output())
                .contains(
                        "no C compiler was found (/nonexistent/cc); apt-get install gcc (Debian, Ubuntu) or dnf install"
                                + " gcc");
    }

    @Test
    void aMissingSystemLibraryIsNamedWithItsPackage() throws Exception {
        Path cc = compilerThatSays("/usr/bin/ld: cannot find -lnuma: No such file or directory", "shared");
        Child child = link(Map.of("CC", cc.toString())).failed();
        assertThat(child.output()).contains("the library numa is missing; apt-get install libnuma-dev");
        assertThat(child.output().lines()).hasSize(1);
    }

    @Test
    void aMissingHeaderIsNamedWithItsPackage() throws Exception {
        Path cc = compilerThatSays("a.h:1:10: fatal error: uuid/uuid.h: No such file or directory", "fsyntax");
        Child child = link(Map.of("CC", cc.toString())).failed();
        assertThat(child.output()).contains("the header uuid/uuid.h is missing; apt-get install uuid-dev");
    }

    @Test
    void anIncompleteSpdkIsNamed() throws Exception {
        Path cc = compilerThatSays("x.o: undefined reference to `rte_eal_init'", "shared");
        Child child = link(Map.of("CC", cc.toString())).failed();
        assertThat(child.output()).contains("rte_eal_init; its installation is incomplete");
    }

    /** As SPDK names isa-l when it was configured without --with-shared. */
    @Test
    void anArchiveNamedByAPathThatIsGoneIsFoundWhereItIsInstalled() throws Exception {
        Path cc =
                script(
                        "cc",
                        "case \"$*\" in *shared*"
                                + folder.resolve("lib/libisal.a")
                                + "*) echo 'x.o: undefined reference to `it_was_named' >&2; exit 1 ;; esac\n");
        Child child = link(Map.of("CC", cc.toString())).failed();
        assertThat(child.output()).contains("it_was_named");
    }

    @Test
    void archivesThatAreNotPositionIndependentAreExplained() throws Exception {
        Path cc =
                compilerThatSays(
                        "ld: x.a: relocation R_X86_64_32 against `.rodata' can not be used when making a shared object;"
                                + " recompile with -fPIC",
                        "shared");
        Child child = link(Map.of("CC", cc.toString())).failed();
        assertThat(child.output()).contains("configure SPDK with --with-shared");
    }

    /** Installs what finding and linking look at: package files, a version, empty archives. */
    private Map<String, String> install(int major, int minor) throws IOException {
        Path packages = Files.createDirectories(folder.resolve("lib/pkgconfig"));
        for (String name : List.of("spdk_env_dpdk", "spdk_bdev", "spdk_syslibs")) {
            Files.writeString(packages.resolve(name + ".pc"), "");
            Files.writeString(folder.resolve("lib/lib" + name + ".a"), "");
        }
        Files.writeString(folder.resolve("lib/libisal.a"), "");
        Path include = Files.createDirectories(folder.resolve("include/spdk"));
        Files.writeString(
                include.resolve("version.h"),
                "#define SPDK_VERSION_MAJOR " + major + "\n#define SPDK_VERSION_MINOR " + minor + "\n");
        Path script =
                script(
                        "pkg-config",
                        """
                        case "$1" in
                        --cflags-only-I) echo -I%1$s/include ;;
                        --libs) case "$2" in
                          spdk_syslibs) echo -L%1$s/lib -lnuma %1$s/gone/.libs/libisal.a ;;
                          *) echo -L%1$s/lib -lspdk_bdev -lspdk_env_dpdk ;;
                          esac ;;
                        *) exit 1 ;;
                        esac
                        """
                                .formatted(folder));
        return Map.of("PKG_CONFIG", script.toString());
    }

    private Path compilerThatSays(String complaint, String when) throws IOException {
        return script(
                "cc",
                "case \"$*\" in *" + when + "*) echo '" + complaint.replace("'", "'\\''") + "' >&2; exit 1 ;; esac\n");
    }

    private Path script(String name, String text) throws IOException {
        Path script = Files.writeString(folder.resolve(name), "#!/bin/sh\n" + text);
        assertThat(script.toFile().setExecutable(true)).isTrue();
        return script;
    }

    private Child link(Map<String, String> environment) throws Exception {
        Map<String, String> all = new java.util.HashMap<>(install(26, 1));
        all.putAll(environment);
        return Child.run(
                Link.class, List.of("-Dspdkio.native.cache=" + folder.resolve("cache")), all, folder.toString());
    }

    static final class Link {
        private Link() {}

        public static void main(String[] args) {
            try {
                NativeLinker.link(
                        SpdkInstallation.in(Path.of(args[0])), NativeLinker.Mode.AUTO, java.util.Optional.empty());
            } catch (NativeException e) {
                System.out.println(e.getMessage());
                System.exit(1);
            }
        }
    }
}
