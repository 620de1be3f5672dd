using System.CommandLine;
using Gemma3Server.Hosting;

namespace Gemma3Server.Cli;

/// <summary>The flags that set the server's settings, for every command that loads a model.</summary>
internal sealed class SettingOptions
{
    private readonly List<(string Key, Option<string> Option)> _flags;
    private readonly Option<string> _level = new("--log-level")
    {
        HelpName = "LEVEL",
        Description = "Verbose, Debug, Information, Warning, Error or Fatal (default: Information)",
    };

    private readonly Option<FileInfo> _file = new("--config") { HelpName = "FILE", Description = "Settings file, on top of appsettings.json" };

    private readonly Option<string[]> _other = new("--set")
    {
        HelpName = "KEY=VALUE",
        Description = "Any other setting of appsettings.json, such as Runtime:KeyCacheType=q8_0 (Gemma3: may stand before it) or "
            + "Serilog:MinimumLevel:Override:Microsoft=Debug; may be repeated",
        Arity = ArgumentArity.OneOrMore,
    };

    private SettingOptions(Func<SettingFlag, bool> chosen)
    {
        // A flag's value stays text: SettingsReader checks it with all others, so that all faults are reported together.
        _flags = [.. SettingFlag.All.Where(chosen).Select(flag =>
            (flag.Key, new Option<string>(flag.Name) { HelpName = flag.Argument, Description = flag.Description }))];
        _level.AcceptOnlyFromAmong("Verbose", "Debug", "Information", "Warning", "Error", "Fatal");
        _file.AcceptExistingOnly();
        _other.Validators.Add(result =>
        {
            foreach (var token in result.Tokens.Where(t => t.Value.IndexOf('=', StringComparison.Ordinal) <= 0))
                result.AddError($"--set takes Section:Key=Value, but got '{token.Value}'.");
        });
    }

    /// <summary>Adds the flags of the settings that <paramref name="chosen"/> picks, and those for all others.</summary>
    public static SettingOptions AddTo(Command command, Func<SettingFlag, bool>? chosen = null)
    {
        var options = new SettingOptions(chosen ?? (_ => true));
        foreach (var (_, option) in options._flags) command.Options.Add(option);
        foreach (var option in new Option[] { options._level, options._file, options._other }) command.Options.Add(option);
        return options;
    }

    /// <summary>The configuration of a parsed command line, in the order of <see cref="ServerConfiguration"/>.</summary>
    /// <param name="parsed">The command line.</param>
    /// <param name="extra">Settings, as key below <c>Gemma3</c> and value, that win over everything.</param>
    /// <param name="defaults">Settings of the command's own, by their full names: they replace those of appsettings.json, and any other source overrides them.</param>
    /// <exception cref="SettingsFileException">A settings file cannot be read.</exception>
    public IConfigurationRoot Read(
        ParseResult parsed, IEnumerable<(string Key, string Value)>? extra = null, IEnumerable<KeyValuePair<string, string?>>? defaults = null)
    {
        var settings = new Dictionary<string, string?>(StringComparer.OrdinalIgnoreCase);
        foreach (var pair in parsed.GetValue(_other) ?? [])
        {
            var cut = pair.IndexOf('=', StringComparison.Ordinal);
            settings[FullName(pair[..cut])] = pair[(cut + 1)..];
        }

        foreach (var (key, option) in _flags)
            if (parsed.GetValue(option) is { } value) settings[$"{Gemma3ServerOptions.Section}:{key}"] = value;
        foreach (var (key, value) in extra ?? []) settings[$"{Gemma3ServerOptions.Section}:{key}"] = value;
        if (parsed.GetValue(_level) is { } minimum) settings["Serilog:MinimumLevel:Default"] = minimum;
        return ServerConfiguration.Create(parsed.GetValue(_file)?.FullName, defaults ?? [], settings);
    }

    /// <summary>Names may be given as messages print them, with the section, or without it; the logger's section is its own.</summary>
    private static string FullName(string key) =>
        IsIn(Gemma3ServerOptions.Section, key) || IsIn("Serilog", key) ? key : $"{Gemma3ServerOptions.Section}:{key}";

    private static bool IsIn(string section, string key) => key.StartsWith(section + ":", StringComparison.OrdinalIgnoreCase);
}
