using Gemma3Server.Runtime;

namespace Gemma3Server.Hosting;

/// <summary>How the draft model is loaded, which the engine does on its own thread.</summary>
/// <param name="Load">Loads it; null = there is none.</param>
internal sealed record DraftLoader(Func<CancellationToken, IModelRuntime>? Load);
