using Gemma3Server.Runtime;
using Microsoft.Extensions.Logging.Abstractions;

namespace Gemma3Server.Engine.Tests;

/// <summary>Engines with their thread.</summary>
internal static class Engines
{
    public static InferenceEngine Create(Func<IModelRuntime> load, EngineOptions? options = null, TimeProvider? clock = null) =>
        new(load, options ?? new(), clock ?? TimeProvider.System, NullLogger<InferenceEngine>.Instance);
}
