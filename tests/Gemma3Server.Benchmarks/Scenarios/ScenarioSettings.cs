using Gemma3Server.Hosting;
using Microsoft.Extensions.Configuration;

namespace Gemma3Server.Benchmarks.Scenarios;

/// <summary>The settings of a scenario's sides: the user's, the scenario's sizes on top, and on the off side what switches the feature off.</summary>
/// <param name="configure">Reads the user's settings, with others that win over them.</param>
/// <param name="switches">Settings of every off side instead of the table's; none = the table's.</param>
internal sealed class ScenarioSettings(
    Func<IEnumerable<(string Key, string Value)>, IConfigurationRoot> configure, IReadOnlyList<(string Key, string Value)> switches)
{
    /// <summary>What switches a scenario's feature off.</summary>
    public IReadOnlyList<(string Key, string Value)> SwitchesOf(Scenario scenario) => switches.Count > 0 ? switches : FeatureSwitches.Of(scenario.Name);

    /// <summary>The settings of a side, or what is wrong with them.</summary>
    public (Gemma3ServerOptions Options, IConfigurationRoot Configuration, IReadOnlyList<string> Faults) Read(Scenario scenario, SideKind side)
    {
        List<(string, string)> settings =
        [
            ("Runtime:Parallel", $"{scenario.Sequences}"), ("Runtime:ContextLength", $"{scenario.ContextLength}"),
            ("Engine:QueueLimit", "1000"), // a scenario measures what waits, and refuses nobody
        ];
        if (side == SideKind.Off) settings.AddRange(SwitchesOf(scenario));
        var configuration = configure(settings);
        var (options, faults) = SettingsReader.Read(configuration);
        return (options, configuration, faults);
    }
}
