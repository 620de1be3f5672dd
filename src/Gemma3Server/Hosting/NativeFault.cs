namespace Gemma3Server.Hosting;

/// <summary>A failed assertion in native code, after which the engine's thread is lost and only the end of the process helps.</summary>
/// <param name="Occurred">Completes with the library's message, if it ever happens.</param>
internal sealed record NativeFault(Task<string> Occurred)
{
    /// <summary>Ends the process with an exit code, without any clean-up of native code.</summary>
    public Action<int> EndProcess { get; init; } = Environment.Exit;
}
