namespace Gemma3Server.Engine.Structured.Automata;

/// <summary>Characters that a grammar tells apart so little that they are looked at together.</summary>
/// <param name="Groups">Their <see cref="ByteGroups"/>.</param>
/// <param name="Weight">How much they count when the most common way is looked for.</param>
/// <param name="Ways">Their bytes, one of each class: for each way of writing them a set for each byte.</param>
internal sealed record CharacterUnit(GroupSet Groups, int Weight, byte[][][] Ways)
{
    /// <summary>The units that all characters are, for a grammar with these classes of bytes.</summary>
    public static CharacterUnit[] All(byte[] classOf)
    {
        var units = new List<CharacterUnit>();

        // Single bytes by their class, however many groups that are; a group of several classes is one of its own.
        var unitOf = new int[256];
        for (var group = 0; group < ByteGroups.Ascii.Length; group++)
        {
            var bytes = OneOfEach(ByteGroups.Ascii[group]);
            ref var known = ref unitOf[classOf[bytes[0]]];
            if (bytes.Length > 1 || known == 0)
            {
                units.Add(new(GroupSet.Of(group), ByteGroups.Ascii[group].Length, [[bytes]]));
                if (bytes.Length == 1) known = units.Count;
                continue;
            }

            var unit = units[known - 1];
            units[known - 1] = unit with { Groups = unit.Groups | GroupSet.Of(group), Weight = unit.Weight + ByteGroups.Ascii[group].Length };
        }

        for (var group = 0; group < ByteGroups.Longer.Length; group++)
        {
            var ways = Array.ConvertAll(ByteGroups.Longer[group], way => Array.ConvertAll(way, OneOfEach));
            units.Add(new(GroupSet.Of(ByteGroups.Ascii.Length + group), 1, ways));
        }

        return [.. units];

        byte[] OneOfEach(byte[] bytes)
        {
            var (seen, count, each) = (default(ByteSet), 0, new byte[bytes.Length]);
            foreach (var value in bytes)
            {
                if (seen.Contains(classOf[value])) continue;
                seen |= ByteSet.Of(classOf[value]);
                each[count++] = value;
            }

            return each[..count];
        }
    }
}
