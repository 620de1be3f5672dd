namespace Gemma3Server.Runtime;

/// <summary>A runtime whose forward calls can be cut short, so that a shutdown need not wait for a long step.</summary>
/// <remarks>
/// Optional: a runtime that implements it beside <see cref="IModelRuntime"/> makes the time a stop takes bounded; without it, the step that
/// is under way is waited for.
/// </remarks>
public interface IInterruptible
{
    /// <summary>
    /// Makes the running forward call and every later one end with <see cref="ForwardStatus.Aborted"/>. Thread-safe, returns at once and may
    /// be repeated; never called once the runtime is being disposed. There is no way back: it is for shutdown only.
    /// </summary>
    void Interrupt();
}
