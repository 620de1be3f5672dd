using Gemma3Server.Runtime.ConformanceTests.Support;
using Gemma3Server.Runtime.LlamaCpp;

[assembly: AssemblyFixture(typeof(NativeAbortEndsTheRun))]

namespace Gemma3Server.Runtime.ConformanceTests.Support;

/// <summary>Ends the process when an assertion fails in native code: the runtime holds its thread for ever, and the run would hang instead of failing.</summary>
public sealed class NativeAbortEndsTheRun
{
    /// <summary>Names, in the environment of a child process, what <see cref="LlamaCpp.NativeAbortTests"/> lets happen there.</summary>
    public const string Variable = "GEMMA3SERVER_TEST_ABORT";

    /// <summary>The value with which the abort is expected, and the child goes on.</summary>
    public const string Expected = "expected";

    public NativeAbortEndsTheRun()
    {
        if (Environment.GetEnvironmentVariable(Variable) == Expected) return;
        LlamaCppRuntime.NativeAbort.ContinueWith(
            abort => Environment.FailFast($"Native code aborted in a test: {abort.Result}"), CancellationToken.None, TaskContinuationOptions.None, TaskScheduler.Default);
    }
}
