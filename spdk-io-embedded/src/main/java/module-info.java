/** The engine in Java. */
module io.spdkio.embedded {
    requires io.spdkio;
    requires org.jctools.core.jdk11;
}
