using Gemma3Server.Hosting;

namespace Gemma3Server.Pool;

/// <summary>Loads models, and knows what they take.</summary>
/// <remarks>The pool asks from one thread at a time, but for <see cref="CanShrink"/>, which is pure.</remarks>
internal interface IModelLoader
{
    /// <summary>What a model takes. Reads the head of its file.</summary>
    /// <exception cref="Gemma3Server.Runtime.ModelLoadException">The file cannot be served.</exception>
    ModelNeed Need(ServedModel model);

    /// <summary>What is free beside the loaded models.</summary>
    /// <param name="taken">What those take.</param>
    MemorySize Free(MemorySize taken);

    /// <summary>Begins to load a model, and returns at once.</summary>
    /// <param name="model">Which.</param>
    /// <param name="shrink">How many times smaller than configured: 0 = as it is.</param>
    /// <param name="free">What it may take.</param>
    IModelInstance Start(ServedModel model, int shrink, MemorySize free);

    /// <summary>Whether a model can be made so much smaller.</summary>
    bool CanShrink(ServedModel model, int shrink);
}
