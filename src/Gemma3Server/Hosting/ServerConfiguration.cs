using System.Globalization;
using System.Text.Json;
using System.Text.RegularExpressions;

namespace Gemma3Server.Hosting;

/// <summary>
/// Where settings come from; the later wins: appsettings.json, a command's own defaults, <c>--config</c>, environment, flags.
/// </summary>
/// <remarks>
/// A command's defaults stand above appsettings.json, since that ships with a value for every setting and would hide them all.
/// Settings that are lists are taken whole from the last source that has them: merged by index, as configuration does by itself, a key
/// that was replaced on the command line would leave the second key of a file valid. The logger's lists stay merged, as is usual for them.
/// </remarks>
internal static partial class ServerConfiguration
{
    /// <param name="file">The file of <c>--config</c>, if any.</param>
    /// <param name="defaults">Settings of the command's own, by their full names.</param>
    /// <param name="flags">Settings of the command line, by their full names.</param>
    /// <exception cref="SettingsFileException">A settings file cannot be read.</exception>
    public static IConfigurationRoot Create(
        string? file, IEnumerable<KeyValuePair<string, string?>> defaults, IEnumerable<KeyValuePair<string, string?>> flags)
    {
        // The file is linked from the top level and lies next to the program, wherever that is started from.
        var shipped = Path.Combine(AppContext.BaseDirectory, "appsettings.json");
        var sources = new List<IConfigurationRoot> { ReadFile(shipped, optional: true), InMemory(defaults) };
        if (file is not null) sources.Add(ReadFile(Path.GetFullPath(file), optional: false));
        sources.Add(new ConfigurationBuilder().AddEnvironmentVariables().Build());
        sources.Add(InMemory(flags));

        var settings = new Dictionary<string, string?>(StringComparer.OrdinalIgnoreCase);
        foreach (var source in sources) Lay(source, settings);
        return InMemory(settings);
    }

    private static void Lay(IConfigurationRoot source, Dictionary<string, string?> settings)
    {
        var all = source.AsEnumerable().ToList();
        foreach (var list in all.Select(pair => List.Match(pair.Key).Value).Where(list => list.Length > 0).Distinct(StringComparer.OrdinalIgnoreCase))
        {
            foreach (var key in settings.Keys.Where(key => IsUnder(list, key)).ToList()) settings.Remove(key);
        }

        // The names of sections come along without a value; a value of null is one that was given.
        foreach (var (key, _) in all)
        {
            foreach (var provider in source.Providers)
                if (provider.TryGet(key, out var value)) settings[key] = Open(key, value);
        }
    }

    /// <summary>What is left to the planner may be called by that name; as a number it is 0, or -1 for layers, where 0 is none.</summary>
    private static string? Open(string key, string? value)
    {
        if (!"auto".Equals(value, StringComparison.OrdinalIgnoreCase) || !Openable.IsMatch(key)) return value;
        if (key.EndsWith("Layers", StringComparison.OrdinalIgnoreCase)) return "-1";
        return key.EndsWith("Cells", StringComparison.OrdinalIgnoreCase) ? "" : "0";
    }

    private static bool IsUnder(string list, string key) =>
        key.StartsWith(list, StringComparison.OrdinalIgnoreCase) && (key.Length == list.Length || key[list.Length] == ':');

    private static IConfigurationRoot InMemory(IEnumerable<KeyValuePair<string, string?>> settings) =>
        new ConfigurationBuilder().AddInMemoryCollection(settings).Build();

    private static IConfigurationRoot ReadFile(string path, bool optional)
    {
        try
        {
            return new ConfigurationBuilder().AddJsonFile(path, optional).Build();
        }
        catch (Exception exception) when (exception is InvalidDataException or IOException or UnauthorizedAccessException)
        {
            throw new SettingsFileException($"The settings file '{path}' {Reason(exception)}");
        }
    }

    private static string Reason(Exception exception)
    {
        var cause = exception.GetBaseException();
        if (cause is not JsonException { LineNumber: { } line } json) return $"cannot be used: {cause.Message}";

        // JSON positions count from 0, people from 1.
        var position = string.Create(CultureInfo.InvariantCulture, $"line {line + 1}, position {json.BytePositionInLine + 1}");
        return $"is not valid JSON at {position}: {cause.Message.Split(" LineNumber:", 2)[0]}";
    }

    [GeneratedRegex($"^{Gemma3ServerOptions.Section}:((Runtime|Models:Serve:[^:]+):(ContextLength|Parallel|GpuLayers)|Runtime:SharedCells)$", RegexOptions.IgnoreCase)]
    private static partial Regex Openable { get; }

    [GeneratedRegex($"^{Gemma3ServerOptions.Section}:(Http:(ApiKeys|AdminKeys|CorsOrigins)|Models:(Preload|Pinned)|Catalog:[^:]+:(Aliases|Drafts))(?=:|$)", RegexOptions.IgnoreCase)]
    private static partial Regex List { get; }
}
