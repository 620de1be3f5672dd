namespace Gemma3Pocket.Curriculum.Data;

/// <summary>Names that lessons are told with.</summary>
internal static class Names
{
    public static IReadOnlyList<string> People { get; } =
    (
        "Anna Ben Clara David Emma Felix Grace Henry Ida Jack Karen Leo Mia Noah Olga Paul Rosa Sam Tina Victor " +
        "Wendy Adam Bella Carl Diana Eric Fiona George Helen Ivan Julia Kevin Laura Mark Nina Oscar Petra Robert Sara Tom " +
        "Alice Bob Cora Daniel Ella Frank Greta Hugo Irene James Kim Lucas Maria Nora Otto Peter Ruth Simon Thea Max"
    ).Split(' ');

    public static IReadOnlyList<string> Pets { get; } =
        "Milo Luna Rex Bella Coco Rocky Daisy Max Ruby Oscar Lucky Molly Toby Rosie Jasper Nala Simba Pepper Ginger Shadow".Split(' ');

    public static IReadOnlyList<string> Animals { get; } = "cat dog rabbit parrot hamster horse turtle fish mouse snake".Split(' ');

    public static IReadOnlyList<string> Cities { get; } =
        ("Paris Rome Berlin Madrid Lisbon London Vienna Oslo Athens Warsaw Prague Dublin Cairo Tokyo Delhi Lima Bern Helsinki Stockholm Copenhagen " +
        "Brussels Budapest Moscow Ottawa Nairobi Hamburg Munich Boston Chicago Sydney Milan Venice Geneva Toronto Dallas Seattle").Split(' ');

    public static IReadOnlyList<string> Colours { get; } =
        "red blue green yellow black white brown orange pink purple grey".Split(' ');
}
