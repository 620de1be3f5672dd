namespace Gemma3Server.Engine.Tests;

/// <summary>Tests that measure the whole process: they run after all others, one by one.</summary>
[CollectionDefinition(Name, DisableParallelization = true)]
public sealed class AloneCollection
{
    public const string Name = "alone";
}
