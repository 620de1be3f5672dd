namespace Gemma3Server.Pool;

/// <summary>Where a model stands at this moment.</summary>
/// <param name="State">Its state.</param>
/// <param name="Progress">Of a model that is being loaded, the share of its weights that has been read; null while its turn has not come.</param>
/// <param name="Failure">Why it is failed.</param>
/// <param name="IsPinned">Whether it stays loaded.</param>
/// <param name="Requests">Requests that hold it.</param>
/// <param name="Taken">What it takes; null unless it is loaded.</param>
/// <param name="KeepAlive">How long it stays after its last request.</param>
internal sealed record ModelStatus(
    ModelState State, double? Progress, string? Failure, bool IsPinned, int Requests, MemorySize? Taken, KeepAlive KeepAlive);
