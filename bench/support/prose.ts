/** English prose from which benchmarks cut their texts. */
export const PROSE = `It was late in the afternoon when the two travellers came over the hill and saw the harbour below them, with the boats
drawn up on the shingle and the smoke of the town going straight up into the still air. Neither of them had spoken for an
hour. The elder, who had made the journey many times before, stopped at the wall and leaned on it, and looked for a long
while at the grey water; the younger sat down on a stone, took off one of his boots, and shook the sand out of it. "There
is the house," said the elder at last, "with the green door. If she is at home there will be a lamp in the window before
it is dark, and if there is no lamp we shall have to walk on to the inn, and ask no questions there of anybody." A cart
went by them slowly, and the man who drove it touched his hat, but did not turn his head. The bells of the church began
to ring for evening service, and one by one the women came out of their doors in black shawls and went up the street.`.replaceAll('\n', ' ')
