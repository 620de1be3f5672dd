using System.Globalization;
using System.Text.RegularExpressions;

namespace Gemma3Server.Runtime.LlamaCpp.Gguf.Inspection;

/// <summary>Finds the files of a checkpoint that is split into <c>NAME-00001-of-0000N.gguf</c>.</summary>
internal static partial class GgufShards
{
    /// <summary>Headers of all files, the named one's place whatever it be; a whole checkpoint is its one file.</summary>
    /// <exception cref="GgufException">A file is damaged, missing, or of another checkpoint.</exception>
    public static IReadOnlyList<GgufFile> Open(string path)
    {
        var named = GgufFile.Open(path);
        if (named.Split is not { } split) return [named];
        if (split.Count > GgufFormat.MaxEntries || Place.Match(Path.GetFileName(path)) is not { Success: true } place
            || place.Groups["count"].Value != Five(split.Count) || place.Groups["index"].Value != Five(split.Index + 1))
        {
            throw new GgufException($"'{path}' is part {split.Index + 1} of {split.Count}, and its name does not say so: it must end in -{Five(split.Index + 1)}-of-{Five(split.Count)}.gguf.");
        }

        var files = new List<GgufFile>();
        for (var i = 0; i < split.Count; i++)
        {
            var other = i == split.Index ? named : GgufFile.Open(Path.Combine(
                Path.GetDirectoryName(path) ?? "", $"{place.Groups["name"].Value}-{Five(i + 1)}-of-{Five(split.Count)}.gguf"));
            if (other.Split != split with { Index = i }) throw new GgufException($"'{other.Path}' is not part {i + 1} of the checkpoint that '{path}' belongs to.");
            files.Add(other);
        }

        var tensors = files.Sum(file => file.Tensors.Count);
        return tensors == split.TensorCount
            ? files
            : throw new GgufException($"'{path}' and its other parts have {tensors} tensors, and the checkpoint has {split.TensorCount}.");
    }

    private static string Five(int number) => number.ToString("D5", CultureInfo.InvariantCulture);

    [GeneratedRegex(@"^(?<name>.+)-(?<index>\d{5})-of-(?<count>\d{5})\.gguf$")]
    private static partial Regex Place { get; }
}
