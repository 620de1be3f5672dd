using Gemma3Server.Runtime.LlamaCpp.Interop;
using Gemma3Server.Runtime.LlamaCpp.Loading;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace Gemma3Server.Runtime.ConformanceTests.LlamaCpp;

[Collection(nameof(NativeLogTests))]
[CollectionDefinition(nameof(NativeLogTests), DisableParallelization = true)] // the native log is one per process
public sealed class NativeLogTests
{
    private readonly List<(LogLevel Level, string Text)> _lines = [];

    [Fact]
    public void Append_FragmentsAndContinuations_BecomeWholeLinesAtTheirLevel()
    {
        NativeLog.SendTo(new RecordingLogger(_lines));
        NativeLog.Append(GgmlLogLevel.Info, "load: ");
        NativeLog.Append(GgmlLogLevel.Continuation, "part one, ");
        NativeLog.Append(GgmlLogLevel.Continuation, "part two\n");
        NativeLog.Append(GgmlLogLevel.Warning, "first\nsecond\n");
        NativeLog.Append(GgmlLogLevel.Continuation, "....\n");
        NativeLog.Append(GgmlLogLevel.Error, "no end of line");
        NativeLog.Append(GgmlLogLevel.Debug, "detail\n");
        NativeLog.SendTo(NullLogger.Instance);

        Assert.Equal(
            [
                (LogLevel.Debug, "load: part one, part two"), (LogLevel.Warning, "first"), (LogLevel.Warning, "second"), (LogLevel.Error, "no end of line"),
                (LogLevel.Trace, "detail"),
            ],
            _lines);
    }

    [Fact]
    public void BeginCapture_Errors_AreKeptForTheExceptionAndLoggedQuietly()
    {
        NativeLog.SendTo(new RecordingLogger(_lines));
        NativeLog.BeginCapture();
        NativeLog.Append(GgmlLogLevel.Error, "bad file\n");
        NativeLog.Append(GgmlLogLevel.Info, "fine\n");
        Assert.Equal(["bad file"], NativeLog.EndCapture());
        NativeLog.SendTo(NullLogger.Instance);
        Assert.All(_lines, line => Assert.Equal(LogLevel.Debug, line.Level));
    }

    [Fact]
    public void BeginCapture_UnfinishedLineOfAnotherThread_StaysThatThreads()
    {
        NativeLog.SendTo(NullLogger.Instance);
        IReadOnlyList<string> theirs = [];
        using var begun = new ManualResetEventSlim();
        using var ended = new ManualResetEventSlim();
        var thread = new Thread(() =>
        {
            NativeLog.BeginCapture();
            NativeLog.Append(GgmlLogLevel.Error, "their error");
            begun.Set();
            ended.Wait();
            theirs = NativeLog.EndCapture();
        });
        thread.Start();
        begun.Wait(TestContext.Current.CancellationToken);
        NativeLog.BeginCapture();
        NativeLog.Append(GgmlLogLevel.Error, "our error\n");
        NativeLog.Append(GgmlLogLevel.Error, "our last");
        Assert.Equal(["our error", "our last"], NativeLog.EndCapture());
        ended.Set();
        thread.Join();
        Assert.Equal(["their error"], theirs);
    }

    [Fact]
    public void Append_TheKnownRemarkOnEveryGemmaFile_IsDetail()
    {
        NativeLog.SendTo(new RecordingLogger(_lines));
        NativeLog.Append(GgmlLogLevel.Warning, "load: control-looking token:    212 '</s>' was not control-type; this is probably a bug in the model. its type will be overridden\n");
        NativeLog.Append(GgmlLogLevel.Warning, "load: control-looking token:    300 '<eot>' was not control-type\n");
        NativeLog.SendTo(NullLogger.Instance);
        Assert.Equal([LogLevel.Debug, LogLevel.Warning], _lines.Select(line => line.Level));
    }

    [Fact]
    public void Append_WhatAnInterruptedStepSays_IsDetailAndWhatAFailedOneSaysIsNot()
    {
        NativeLog.SendTo(new RecordingLogger(_lines));
        NativeLog.Append(GgmlLogLevel.Error, "graph_compute: ggml_backend_sched_graph_compute_async failed with error 1\n");
        NativeLog.Append(GgmlLogLevel.Error, "process_ubatch: failed to compute graph, compute status: 1\n");
        NativeLog.Append(GgmlLogLevel.Warning, "decode: removing memory module entries for seq_id = 0, pos = [167, +inf)\n");
        NativeLog.Append(GgmlLogLevel.Error, "llama_decode: failed to decode, ret = 2\n");
        NativeLog.Append(GgmlLogLevel.Error, "process_ubatch: failed to compute graph, compute status: -1\n");
        NativeLog.Append(GgmlLogLevel.Error, "llama_decode: failed to decode, ret = -3\n");
        NativeLog.SendTo(NullLogger.Instance);
        Assert.Equal([LogLevel.Debug, LogLevel.Debug, LogLevel.Debug, LogLevel.Debug, LogLevel.Error, LogLevel.Error], _lines.Select(line => line.Level));
    }

    [Fact]
    public void Append_SharedCellsHaveRunOut_IsDetail()
    {
        NativeLog.SendTo(new RecordingLogger(_lines));
        NativeLog.Append(GgmlLogLevel.Warning, "decode: failed to find a memory slot for batch of size 512\n");
        NativeLog.SendTo(NullLogger.Instance);
        Assert.Equal(LogLevel.Debug, Assert.Single(_lines).Level);
    }

    private sealed class RecordingLogger(List<(LogLevel Level, string Text)> lines) : ILogger
    {
        public IDisposable? BeginScope<TState>(TState state) where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) =>
            lines.Add((logLevel, formatter(state, exception)));
    }
}
