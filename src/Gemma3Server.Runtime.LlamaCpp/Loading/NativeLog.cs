using System.Runtime.InteropServices;
using System.Text;
using Gemma3Server.Runtime.LlamaCpp.Interop;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace Gemma3Server.Runtime.LlamaCpp.Loading;

/// <summary>
/// Brings the library's log into an <see cref="ILogger"/>: whole lines, one level below the library's own up to information (it tells the
/// tensor count at the level at which a server tells that it is up).
/// </summary>
/// <remarks>The native log is one per process; the latest logger set receives it. Called on any thread.</remarks>
internal static unsafe class NativeLog
{
    private static readonly Lock Gate = new();
    private static readonly StringBuilder Line = new();
    private static ILogger _logger = NullLogger.Instance;
    private static GgmlLogLevel _level = GgmlLogLevel.Info;
    private static bool _isHeard;

    /// <summary>The capture of the thread that began the unfinished line: another thread may be the one that ends it.</summary>
    private static List<string>? _lineCapture;

    // A load logs its errors on its own thread, so two loads at a time do not mix them.
    [ThreadStatic]
    private static List<string>? _captured;

    // What the library tells of its progress, it tells in its log only, on the thread that called it.
    [ThreadStatic]
    private static Action<string>? _listener;

    /// <summary>Hands every fragment that this thread logs to <paramref name="listener"/> too, before it is a line; null ends it.</summary>
    public static void Listen(Action<string>? listener) => _listener = listener;

    /// <summary>Sends the log to <paramref name="logger"/> from now on.</summary>
    public static void SendTo(ILogger logger)
    {
        lock (Gate) _logger = logger;
    }

    /// <summary>
    /// Keeps the error lines logged until <see cref="EndCapture"/>: a failed load tells them in its exception, so that they are not logged as
    /// errors of their own.
    /// </summary>
    public static void BeginCapture()
    {
        _captured = [];
    }

    /// <summary>The error lines since <see cref="BeginCapture"/>.</summary>
    public static IReadOnlyList<string> EndCapture()
    {
        lock (Gate)
        {
            var lines = _captured ?? [];
            if (lines == _lineCapture) Flush();
            _captured = null;
            return lines;
        }
    }

    /// <summary>The native callback.</summary>
    [UnmanagedCallersOnly]
    public static void Write(GgmlLogLevel level, byte* text, void* data)
    {
        try
        {
            _listener?.Invoke(Utf8Text.Read(text));

            // The library tells each reuse of a cell at its lowest level, in every step beyond the window: that must cost nothing.
            if (IsHeard(level)) Append(level, Utf8Text.Read(text));
        }
        catch (Exception)
        {
            // An exception must not unwind into native frames; a lost log line is the smaller harm.
        }
    }

    /// <summary>Adds a fragment; each complete line is logged at the level with which it began.</summary>
    internal static void Append(GgmlLogLevel level, string text)
    {
        lock (Gate)
        {
            if (level != GgmlLogLevel.Continuation)
            {
                Flush();
                _level = level;
            }

            if (Line.Length == 0) _lineCapture = _captured;

            for (var rest = text.AsSpan(); !rest.IsEmpty;)
            {
                var end = rest.IndexOf('\n');
                Line.Append(end < 0 ? rest : rest[..end]);
                if (end < 0) break;
                Flush();
                _lineCapture = _captured;
                rest = rest[(end + 1)..];
            }
        }
    }

    private static bool IsHeard(GgmlLogLevel level)
    {
        lock (Gate)
        {
            if (level != GgmlLogLevel.Continuation) _isHeard = level == GgmlLogLevel.Error || _logger.IsEnabled(Map(level));
            return _isHeard;
        }
    }

    private static void Flush()
    {
        var message = Line.ToString().TrimEnd();
        var capture = _lineCapture;
        Line.Clear();
        _lineCapture = null;
        if (message.Trim('.').Length == 0) return; // the dots of the loading bar
        var isCaptured = _level == GgmlLogLevel.Error && capture is not null;
        if (isCaptured) capture!.Add(message);
        LogMessages.Native(_logger, isCaptured || IsKnownRemark(message) ? LogLevel.Debug : Map(_level), message);
    }

    /// <summary>What the library says without need: it is nothing that an operator could or should mend.</summary>
    private static bool IsKnownRemark(string message) => _level switch
    {
        // Every Gemma 3 file has </s> as an HTML tag, which the library takes for a mistaken control token.
        GgmlLogLevel.Warning when message.Contains("'</s>'", StringComparison.Ordinal) => message.Contains("control-looking token", StringComparison.Ordinal),

        // A step that was interrupted on purpose (status 1, code 2); a step that fails by itself has other numbers, and is logged once more.
        GgmlLogLevel.Error => message.EndsWith("failed to compute graph, compute status: 1", StringComparison.Ordinal)
            || message.EndsWith("graph_compute_async failed with error 1", StringComparison.Ordinal)
            || message.EndsWith("failed to decode, ret = 2", StringComparison.Ordinal),
        // Shared cells have run out: the engine makes room, and says so itself where somebody has to give way.
        GgmlLogLevel.Warning => message.Contains("removing memory module entries for seq_id", StringComparison.Ordinal)
            || message.Contains("failed to find a memory slot for batch", StringComparison.Ordinal),
        _ => false,
    };

    private static LogLevel Map(GgmlLogLevel level) => level switch
    {
        GgmlLogLevel.Error => LogLevel.Error,
        GgmlLogLevel.Warning => LogLevel.Warning,
        GgmlLogLevel.Info => LogLevel.Debug,
        _ => LogLevel.Trace,
    };
}
