using Gemma3Server.Hosting;

namespace Gemma3Server.Catalog;

/// <summary>Finds what is wrong with the catalog's settings.</summary>
internal static class CatalogCheck
{
    /// <summary>One line for each fault.</summary>
    public static IEnumerable<string> FindFaults(IReadOnlyDictionary<string, CatalogEntry> entries)
    {
        var taken = entries.Keys.ToDictionary(name => name, name => name, StringComparer.OrdinalIgnoreCase);
        foreach (var (name, entry) in entries)
        {
            var key = $"{Gemma3ServerOptions.Section}:Catalog:{name}";
            if (!entry.Sources.Keys.Contains(entry.Source, StringComparer.OrdinalIgnoreCase))
                yield return $"{key}:Source must be one of its Sources ({string.Join(", ", entry.Sources.Keys)}), but is '{entry.Source}'.";
            foreach (var draft in entry.Drafts.Where(draft => !entries.Keys.Contains(draft, StringComparer.OrdinalIgnoreCase)))
                yield return $"{key}:Drafts must be names of the catalog, but one is '{draft}'.";
            foreach (var alias in entry.Aliases)
            {
                if (string.IsNullOrWhiteSpace(alias)) yield return $"{key}:Aliases must not contain an empty name.";
                else if (!taken.TryAdd(alias, name)) yield return $"{key}:Aliases must be unique, but '{alias}' is a name of '{taken[alias]}' too.";
            }

            foreach (var fault in entry.Sources.SelectMany(source => FindFaults($"{key}:Sources:{source.Key}", source.Value))) yield return fault;
        }
    }

    private static IEnumerable<string> FindFaults(string key, CatalogSource source)
    {
        if (!HubNames.IsRepository(source.Repository)) yield return $"{key}:Repository must be OWNER/NAME, but is '{source.Repository}'.";
        if (!HubNames.IsRevision(source.Revision)) yield return $"{key}:Revision must be a branch, tag or commit, but is '{source.Revision}'.";
        foreach (var fault in FindFaults($"{key}:File", source.File)) yield return fault;
        if (source.Projector is null) yield break;
        foreach (var fault in FindFaults($"{key}:Projector", source.Projector)) yield return fault;
    }

    private static IEnumerable<string> FindFaults(string key, CatalogFile file)
    {
        if (!HubNames.IsFile(file.Path) || !file.Path.EndsWith(".gguf", StringComparison.OrdinalIgnoreCase))
            yield return $"{key}:Path must be the path of a .gguf file in the repository, but is '{file.Path}'.";
        if (file.Bytes < 0) yield return $"{key}:Bytes must be at least 0, but is {file.Bytes}.";
        if (file.Sha256.Length > 0 && !(file.Sha256.Length == 64 && file.Sha256.All(char.IsAsciiHexDigit)))
            yield return $"{key}:Sha256 must be 64 hexadecimal digits or empty, but is '{file.Sha256}'.";
    }
}
