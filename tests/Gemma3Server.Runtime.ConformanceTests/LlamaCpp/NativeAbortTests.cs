using Gemma3Server.Runtime.ConformanceTests.Support;
using Gemma3Server.Runtime.LlamaCpp;
using Gemma3Server.Runtime.LlamaCpp.Handles;
using Gemma3Server.Runtime.LlamaCpp.Interop;
using Gemma3Server.Runtime.LlamaCpp.Loading;
using Microsoft.Extensions.Logging.Abstractions;

namespace Gemma3Server.Runtime.ConformanceTests.LlamaCpp;

public sealed class NativeAbortTests
{
    // Kept for the life of the process: the held thread stands inside this context.
    private static readonly List<object> Held = [];

    [Fact]
    public async Task Assertion_InNativeCode_HoldsItsThreadAndLeavesTheProcessAlive()
    {
        var (exitCode, output) = await RunProvocationAsync(NativeAbortEndsTheRun.Expected);
        Assert.True(exitCode == 0, output);
    }

    [Fact]
    public async Task Assertion_WhereNoTestExpectsIt_EndsTheRunInsteadOfHangingIt()
    {
        var (exitCode, output) = await RunProvocationAsync("unexpected");
        Assert.NotEqual(0, exitCode);
        Assert.Contains("Native code aborted in a test", output, StringComparison.Ordinal);
        Assert.Contains("GGML_ASSERT", output, StringComparison.Ordinal);
    }

    /// <summary>What the two tests above run in a process of its own.</summary>
    [Fact]
    public async Task Provocation_InAChildProcess_IsHeld()
    {
        if (Environment.GetEnvironmentVariable(NativeAbortEndsTheRun.Variable) is null) return;
        var options = TinyCheckpoint.Options;
        var thread = new Thread(() => DecodeTooManyRows(options)) { IsBackground = true };
        thread.Start();
        var message = await LlamaCppRuntime.NativeAbort.WaitAsync(TestContext.Current.CancellationToken);

        Assert.Contains("GGML_ASSERT", message, StringComparison.Ordinal);
        Assert.True(thread.IsAlive);
        using var runtime = TinyCheckpoint.Load(); // other contexts still compute
        var rows = new ForwardBatch();
        rows.Add(300, 0, 0, true);
        Assert.Equal(ForwardStatus.Ok, runtime.Forward(rows));

        // Whoever disposes of what the held thread stands in must come back, and leave it as it is.
        foreach (var held in Held.Cast<IDisposable>().Reverse()) held.Dispose();
        var context = Held.OfType<LlamaContext>().Single();
        Assert.Equal((uint)context.Plan.TotalCells, LlamaNative.llama_n_ctx(context.Pointer));
        Assert.True(thread.IsAlive);
    }

    private static Task<(int ExitCode, string Output)> RunProvocationAsync(string value) => TestProcess.RunAsync(
        $"{typeof(NativeAbortTests).FullName}.{nameof(Provocation_InAChildProcess_IsHeld)}", NativeAbortEndsTheRun.Variable, value, TestContext.Current.CancellationToken);

    private static unsafe void DecodeTooManyRows(LlamaCppOptions options)
    {
        var model = LlamaModel.Load(options, NullLoggerFactory.Instance);
        var context = LlamaContext.Create(model, ContextPlan.Create(model, options));
        var batch = new NativeBatch(1000);
        for (var i = 0; i < 1000; i++) batch.Add(300, i, 0, false);
        Held.AddRange([model, context, batch]);
        var code = LlamaNative.llama_decode(context.Pointer, batch.Value);
        throw new InvalidOperationException($"The assertion did not happen: {code}");
    }
}
