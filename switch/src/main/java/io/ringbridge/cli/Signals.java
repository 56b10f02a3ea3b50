package io.ringbridge.cli;

import io.ringbridge.api.ApiException;
import io.ringbridge.api.ReloadOptions;
import io.ringbridge.app.Switch;
import io.ringbridge.config.ConfigException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

import java.lang.reflect.InvocationHandler;
import java.lang.reflect.Proxy;
import java.util.List;

/**
 * Handles the signals that a switch receives: those that end it, SIGHUP, which reloads its configuration, and others
 * that administrators send to daemons, which it logs and ignores.
 */
final class Signals {
    private static final Logger LOG = LoggerFactory.getLogger(Signals.class);
    private static final List<String> ENDING = List.of("TERM", "INT");
    private static final String HANGUP = "HUP";
    private static final List<String> IGNORED = List.of(HANGUP, "USR1");
    /** The exit status of a switch that is still starting. Once it runs, a shutdown hook exits with status 0. */
    private static final int SIGNALLED = 143;

    private Signals() {
    }

    /** Installs the handlers. Signals that the parent process has set to be ignored, as nohup does, stay ignored. */
    static void handle() {
        ENDING.forEach(name -> handle(name, () -> {
            LOG.info("shutting down: received SIG{}", name);
            System.exit(SIGNALLED);
        }));
        IGNORED.forEach(name -> handle(name,
            () -> LOG.info("SIG{} ignored; \"ringbridge reload\" reloads the configuration", name)));
    }

    /** Reloads the configuration of a switch that runs on SIGHUP. */
    static void reloadOnHangup(final Switch running) {
        handle(HANGUP, () -> {
            try {
                LOG.info("received SIGHUP: reloading the configuration");
                running.config().reload(ReloadOptions.DEFAULT);
            } catch (final ApiException | ConfigException e) {
                LOG.error("not reloaded: {}", e.getMessage());
            } catch (final RuntimeException e) {
                LOG.error("not reloaded", e);
            }
        });
    }

    /**
     * Installs a handler by reflection. {@code sun.misc.Signal} has no successor, but the compiler warns about its use,
     * and warnings are errors in this build.
     */
    private static void handle(final String name, final Runnable reaction) {
        try {
            final Class<?> signal = Class.forName("sun.misc.Signal");
            final Class<?> handler = Class.forName("sun.misc.SignalHandler");
            final InvocationHandler action = (_, method, args) -> {
                if (!"handle".equals(method.getName())) {
                    return method.invoke(reaction, args); // a method of Object
                }
                reaction.run();
                return null;
            };
            final Object proxy =
                Proxy.newProxyInstance(Signals.class.getClassLoader(), new Class<?>[] {handler}, action);
            signal.getMethod("handle", signal, handler)
                .invoke(null, signal.getConstructor(String.class).newInstance(name), proxy);
        } catch (final ReflectiveOperationException e) {
            LOG.debug("SIG{} is not handled: {}", name, e.toString());
        }
    }
}
