namespace Gemma3Server.Benchmarks.Scenarios;

/// <summary>What a scenario is run on.</summary>
internal enum SideKind
{
    /// <summary>The plain loop of native calls, or what follows from its speed.</summary>
    Ceiling,

    /// <summary>The engine as configured by default.</summary>
    On,

    /// <summary>The engine with the scenario's feature switched off.</summary>
    Off,
}
