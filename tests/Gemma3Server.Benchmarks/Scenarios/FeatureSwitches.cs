namespace Gemma3Server.Benchmarks.Scenarios;

/// <summary>
/// Which setting switches off what a scenario shows. A setting that this build does not know makes the scenario's off side "-".
/// </summary>
internal static class FeatureSwitches
{
    private static readonly (string Key, string Value) PrefixCacheOff = ("Engine:PrefixReuse", "false");

    private static readonly (string Key, string Value) AdaptiveBudgetOff = ("Engine:AdaptiveBudget", "false");

    private static readonly (string Key, string Value) SpeculationOff = ("Engine:Speculation", "off");

    private static readonly Dictionary<string, (string Key, string Value)[]> Off = new()
    {
        [ScenarioNames.ColdBurst] = [PrefixCacheOff],
        [ScenarioNames.SharedSystem] = [PrefixCacheOff],
        [ScenarioNames.Conversations] = [PrefixCacheOff],
        [ScenarioNames.LongArrivals] = [AdaptiveBudgetOff],
        [ScenarioNames.Poisson] = [AdaptiveBudgetOff],
        [ScenarioNames.Predicted] = [SpeculationOff],
        [ScenarioNames.PredictedEight] = [SpeculationOff],
        [ScenarioNames.Mispredicted] = [SpeculationOff],
        [ScenarioNames.PredictedSixteen] = [SpeculationOff],
        [ScenarioNames.Edited] = [SpeculationOff],
        [ScenarioNames.EditedEight] = [SpeculationOff],
        [ScenarioNames.Repeated] = [SpeculationOff],
        [ScenarioNames.MispredictedSixteen] = [SpeculationOff],
        [ScenarioNames.Drafted] = [SpeculationOff],
        [ScenarioNames.UnpredictedSixteen] = [SpeculationOff],
    };

    /// <summary>The settings of a scenario's off side; none where no setting switches off what it shows.</summary>
    public static IReadOnlyList<(string Key, string Value)> Of(string scenario) => Off.TryGetValue(scenario, out var settings) ? settings : [];
}
