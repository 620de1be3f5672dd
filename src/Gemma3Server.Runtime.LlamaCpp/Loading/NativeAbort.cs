using System.Runtime.InteropServices;
using Gemma3Server.Runtime.LlamaCpp.Interop;

namespace Gemma3Server.Runtime.LlamaCpp.Loading;

/// <summary>
/// Turns a failed native assertion, which would end the process at once, into a task: the thread that hit it is held for ever, so that the
/// rest of the process can answer its clients, log and exit.
/// </summary>
/// <remarks>It does not cover C++ exceptions and stack overflow, which end the process all the same.</remarks>
internal static unsafe class NativeAbort
{
    // Continuations must not run on the thread that is about to be held.
    private static readonly TaskCompletionSource<string> Source = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>Completes with the library's message when an assertion failed.</summary>
    public static Task<string> Occurred => Source.Task;

    /// <summary>Whether an assertion has failed: the library is then in no state to be asked for anything.</summary>
    public static bool HasOccurred => Source.Task.IsCompleted;

    /// <summary>The native callback. It must not return: the library calls <c>abort()</c> after it.</summary>
    [UnmanagedCallersOnly]
    public static void Hold(byte* message)
    {
        Source.TrySetResult(Utf8Text.Read(message));
        Thread.Sleep(Timeout.Infinite);
    }
}
